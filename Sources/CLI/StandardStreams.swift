import Glibc

/// Standard input as bytes: no character set is assumed, and a last line without a line feed counts.
enum StandardInput {
  /// Reads to the end.
  ///
  /// - Throws: if there are more bytes than that, or if it can't be read.
  static func readAll(atMost limit: Int = .max) throws(FileFailure) -> [UInt8] {
    try InputFile(path: InputFile.standardInput).readAll(atMost: limit)
  }

  /// Calls `body` with each line as it arrives, without its line end, and its number from 1.
  static func forEachLine(_ body: (_ line: [UInt8], _ number: Int) throws -> Void) throws {
    let file = try InputFile(path: InputFile.standardInput)
    var pending: [UInt8] = []
    var number = 0
    func take(_ line: ArraySlice<UInt8>) throws {
      number += 1
      try body(Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line), number)
    }
    while let chunk = try file.read() {
      pending += chunk
      var start = 0
      while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
        try take(pending[start..<end])
        start = end + 1
      }
      pending.removeFirst(start)
    }
    if !pending.isEmpty { try take(pending[...]) }
  }

  /// What was read, as text.
  ///
  /// - Throws: if it is no UTF-8; the message names the byte and its line.
  static func text(from bytes: [UInt8]) throws(FileFailure) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    let valid = validPrefix(of: bytes)
    let line = 1 + bytes[..<valid].count { $0 == UInt8(ascii: "\n") }
    throw FileFailure("standard input is no UTF-8: byte \(valid + 1), on line \(line), is wrong")
  }

  /// How many bytes are UTF-8.
  private static func validPrefix(of bytes: [UInt8]) -> Int {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var valid = 0
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { valid += UTF8.width(scalar) }
    return valid
  }
}

/// Standard output as bytes, each of them on its way when a call returns.
enum StandardOutput {
  static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// A reader that went away ends the program as quietly as any other in a pipeline; any other failure ends it with
  /// a message: an answer must not be lost with the exit status of success.
  static func write(_ bytes: [UInt8]) {
    guard let code = writeAll(bytes, to: STDOUT_FILENO) else { return }
    if code == EPIPE {
      signal(SIGPIPE, SIG_DFL)
      raise(SIGPIPE)
    }
    StandardError.write("Error: standard output can't be written: \(String(cString: strerror(code)))\n")
    exit(EXIT_FAILURE)
  }

  static func write(_ text: String) { write(Array(text.utf8)) }
}

/// Standard error, where a person may be watching.
enum StandardError {
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// Whoever reads may close early; there is nobody left to tell then.
  static func write(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }
}

/// The number of the error that stopped it, if one did. A descriptor that does not block is waited for.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count >= 0 {
      rest = rest.dropFirst(count)
    } else if errno == EAGAIN {
      var descriptor = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&descriptor, 1, -1)
    } else if errno != EINTR {
      return errno
    }
  }
  return nil
}
