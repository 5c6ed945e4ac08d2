import Glibc

/// Standard input as bytes: no character set is assumed, and a last line without a line feed counts.
enum StandardInput {
  static func readAll() -> [UInt8] {
    var all: [UInt8] = []
    while let chunk = readChunk() { all += chunk }
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

/// Standard output as bytes.
enum StandardOutput {
  static func write(_ bytes: [UInt8]) { writeAll(bytes, to: STDOUT_FILENO) }

  static func write(_ text: String) { write(Array(text.utf8)) }
}

/// Standard error, where a person may be watching.
enum StandardError {
  static let isTerminal = isatty(STDERR_FILENO) == 1

  static func write(_ text: String) { writeAll(Array(text.utf8), to: STDERR_FILENO) }
}

/// Whoever reads may close early; there is nobody left to tell then.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return }
  }
}
