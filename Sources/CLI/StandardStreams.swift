import Glibc

/// Standard input as bytes: no character set is assumed, and a last line without a line feed counts.
enum StandardInput {
  static func readAll() -> [UInt8] {
    var all: [UInt8] = []
    while let chunk = readChunk() { all += chunk }
    return all
  }

  /// Reads to the end.
  ///
  /// - Throws: if there are more bytes than that, or if it can't be read.
  static func readAll(atMost limit: Int) throws(FileFailure) -> [UInt8] {
    let file = try InputFile(path: InputFile.standardInput)
    var all: [UInt8] = []
    while let chunk = try file.read() {
      all += chunk
      guard all.count <= limit else {
        throw FileFailure("\(file.name) has more than the \(limit) bytes that are allowed")
      }
    }
    return all
  }

  /// Calls `body` with each line as it arrives, without its line end, and its number from 1.
  static func forEachLine(_ body: (_ line: [UInt8], _ number: Int) throws -> Void) rethrows {
    var pending: [UInt8] = []
    var number = 0
    func take(_ line: ArraySlice<UInt8>) throws {
      number += 1
      try body(Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line), number)
    }
    while let chunk = readChunk() {
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

  private static func readChunk() -> ArraySlice<UInt8>? {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(STDIN_FILENO, &chunk, chunk.count)
      if count > 0 { return chunk[..<count] }
      if count == 0 || errno != EINTR { return nil }
    }
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
