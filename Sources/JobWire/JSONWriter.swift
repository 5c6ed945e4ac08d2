/// Writes `JSONValue` compactly, in UTF-8, with nothing escaped that needn't be.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  static func write(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.append(value)
    return writer.bytes
  }

  private mutating func append(_ value: JSONValue) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .integer(let value): append("\(value)")
    // JSON has no word for infinities and NaN.
    case .double(let value): append(value.isFinite ? "\(value)" : "null")
    case .bigNumber(let text): append(text)
    case .string(let value): append(quoted: value)
    case .array(let values):
      append("[")
      for (index, value) in values.enumerated() {
        if index > 0 { append(",") }
        append(value)
      }
      append("]")
    case .object(let fields):
      append("{")
      for (index, field) in fields.enumerated() {
        if index > 0 { append(",") }
        append(quoted: field.name)
        append(":")
        append(field.value)
      }
      append("}")
    }
  }

  private mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func append(quoted text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        append(digits.utf8.count == 1 ? "\\u000" : "\\u00")
        append(digits)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension JSONValue {
  /// The value as compact JSON text in UTF-8.
  package var encoded: [UInt8] { JSONWriter.write(self) }

  /// Parses one JSON text.
  package init(parsing bytes: [UInt8]) throws(WireError) {
    self = try JSONParser.parse(bytes)
  }
}
