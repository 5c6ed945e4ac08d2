/// Text as it may stand between the quotes of a JSON string, on one line and without power over a terminal.
enum JSONText {
  static func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    append(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// - Parameter limit: how many bytes to append at most. A longer text is cut between two characters, and its end
  ///   tells how many of its bytes are missing.
  static func append(_ text: String, to bytes: inout [UInt8], limit: Int = .max) {
    let start = bytes.count
    // The last place that leaves room for the note.
    var cut = (escaped: start, source: 0)
    var source = 0
    for scalar in text.unicodeScalars {
      append(scalar, to: &bytes)
      if bytes.count - start > limit {
        bytes.removeSubrange(cut.escaped...)
        bytes.append(contentsOf: "… (\(text.utf8.count - cut.source) bytes more)".utf8)
        return
      }
      source += scalar.utf8.count
      if bytes.count - start <= limit - noteLength { cut = (bytes.count, source) }
    }
  }

  /// The longest note: of 2^63 bytes.
  private static let noteLength = "… ( bytes more)".utf8.count + 19

  private static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
    switch scalar {
    case "\"", "\\":
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(contentsOf: scalar.utf8)
    case "\n": bytes.append(contentsOf: "\\n".utf8)
    case _ where isControl(scalar):
      let digits = String(scalar.value, radix: 16)
      bytes.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
    default: bytes.append(contentsOf: scalar.utf8)
    }
  }

  /// What moves a cursor, breaks a line, or reverses what stands around it. All are of four digits.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F: true
    case 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
