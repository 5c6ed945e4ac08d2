import Glibc

/// A file that is read once from its beginning to its end, or standard input.
final class InputFile: Sendable {
  /// The path that means standard input.
  static let standardInput = "-"

  /// For messages.
  let name: String
  let descriptor: Int32

  init(path: String) throws(FileFailure) {
    if path == Self.standardInput {
      name = "standard input"
      descriptor = STDIN_FILENO
    } else {
      name = path
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw FileFailure(path, "can't be opened") }
    }
  }

  deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

  /// How many bytes it has, if that is known before they are read.
  var size: Int? {
    var details = stat()
    guard fstat(descriptor, &details) == 0, details.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(details.st_size)
  }

  /// The next bytes; nil at the end.
  func read() throws(FileFailure) -> ArraySlice<UInt8>? {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count > 0 { return chunk[..<count] }
      if count == 0 { return nil }
      guard errno == EINTR else { throw FileFailure(name, "can't be read") }
    }
  }

  /// All that is left.
  ///
  /// - Throws: if there are more bytes than that, or if it can't be read.
  func readAll(atMost limit: Int = .max) throws(FileFailure) -> [UInt8] {
    var all: [UInt8] = []
    while let chunk = try read() {
      all += chunk
      guard all.count <= limit else {
        throw FileFailure("\(name) has more than the \(limit) bytes that are allowed")
      }
    }
    return all
  }
}
