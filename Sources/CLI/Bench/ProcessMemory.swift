import Glibc

/// What the system says of this process's memory.
enum ProcessMemory {
  /// The most memory that was resident at once, mapped files included. Unlike `getrusage`'s it does not begin
  /// with that of the program that started this one.
  static var peakBytes: Int? {
    let descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return peakBytes(status: String(decoding: bytes[..<count], as: UTF8.self))
  }

  /// - Parameter status: `/proc/self/status`.
  static func peakBytes(status: String) -> Int? {
    for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count == 3, words[2] == "kB" else { return nil }
      return Int(words[1]).map { $0 << 10 }
    }
    return nil
  }
}
