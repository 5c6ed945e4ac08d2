import Glibc

/// A file that can't be read or written; the message names it.
struct FileFailure: Error, Equatable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// - Parameter problem: what can't be done, as "can't be read".
  init(_ name: String, _ problem: String, code: Int32 = errno) {
    description = "\(name) \(problem): \(String(cString: strerror(code)))"
  }
}
