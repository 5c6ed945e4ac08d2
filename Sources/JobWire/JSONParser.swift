/// A strict parser of JSON (RFC 8259) that never recurses deeper than it is told.
///
/// Refused: anything after the value, duplicate names in one object, invalid UTF-8.
/// Tolerated: a byte order mark at the start, and halves of a surrogate pair in escapes, which become U+FFFD
/// as they do in other tools, for the sake of clients that cut strings in UTF-16.
struct JSONParser {
  private let bytes: [UInt8]
  private let maxDepth: Int
  private var at = 0

  static func parse(
    _ bytes: [UInt8], maxDepth: Int = 32
  ) throws(WireError) -> JSONValue {
    var parser = JSONParser(bytes: bytes, maxDepth: maxDepth)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.at = 3 }
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.at == bytes.count else { throw parser.error("something follows the JSON value") }
    return value
  }

  private init(bytes: [UInt8], maxDepth: Int) {
    self.bytes = bytes
    self.maxDepth = maxDepth
  }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private func error(_ what: String) -> WireError {
    WireError(.malformed, "malformed JSON: \(what), at byte \(at) of \(bytes.count)")
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
  }

  private mutating func skip(_ character: Character) -> Bool {
    guard next == character.asciiValue else { return false }
    at += 1
    return true
  }

  private mutating func value(depth: Int) throws(WireError) -> JSONValue {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"): return try number()
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw error(at == 0 ? "the body is empty" : "it ends too early")
    case let byte? where isDigit(byte): return try number()
    default: throw error("a value was expected")
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(WireError) -> JSONValue {
    guard bytes[at...].starts(with: word.utf8) else { throw error("a value was expected") }
    at += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(WireError) -> JSONValue {
    guard depth <= maxDepth else { throw error("more than \(maxDepth) levels deep") }
    at += 1
    var fields: [JSONValue.Field] = []
    var names: Set<String> = []
    skipSpace()
    if skip("}") { return .object([]) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("a name in quotes was expected") }
      let name = try string()
      guard names.insert(name).inserted else { throw error("a name occurs twice in one object") }
      skipSpace()
      guard skip(":") else { throw error("a colon was expected") }
      fields.append(.init(name, try value(depth: depth)))
      skipSpace()
    } while skip(",")
    guard skip("}") else { throw error("a comma or } was expected") }
    return .object(fields)
  }

  private mutating func array(depth: Int) throws(WireError) -> JSONValue {
    guard depth <= maxDepth else { throw error("more than \(maxDepth) levels deep") }
    at += 1
    var values: [JSONValue] = []
    skipSpace()
    if skip("]") { return .array([]) }
    repeat {
      values.append(try value(depth: depth))
      skipSpace()
    } while skip(",")
    guard skip("]") else { throw error("a comma or ] was expected") }
    return .array(values)
  }

  private mutating func digits() throws(WireError) {
    let start = at
    while let byte = next, isDigit(byte) { at += 1 }
    guard at > start else { throw error("a digit was expected") }
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private mutating func number() throws(WireError) -> JSONValue {
    let start = at
    var isInteger = true
    _ = skip("-")
    if skip("0") {
      if let byte = next, isDigit(byte) { throw error("a number begins with 0") }
    } else {
      try digits()
    }
    if skip(".") {
      isInteger = false
      try digits()
    }
    if skip("e") || skip("E") {
      isInteger = false
      if !skip("-") { _ = skip("+") }
      try digits()
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isInteger { return Int64(text).map { .integer($0) } ?? .bigNumber(text) }
    guard let value = Double(text), value.isFinite else { return .bigNumber(text) }
    return .double(value)
  }

  private mutating func string() throws(WireError) -> String {
    at += 1
    var text: [UInt8] = []
    while let byte = next {
      at += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw error("a string is not valid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw error("a control character in a string is not escaped")
      default: text.append(byte)
      }
    }
    throw error("a string has no end")
  }

  private mutating func escape(into text: inout [UInt8]) throws(WireError) {
    let byte = next
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[at - 1])
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: String(try unicodeEscape()).utf8)
    default:
      at -= 1
      throw error("an unknown escape in a string")
    }
  }

  private mutating func unicodeEscape() throws(WireError) -> Unicode.Scalar {
    let unit = try hexUnit()
    if let scalar = Unicode.Scalar(UInt32(unit)) { return scalar }
    let afterHigh = at
    if UTF16.isLeadSurrogate(unit), skip("\\"), skip("u") {
      let low = try hexUnit()
      if UTF16.isTrailSurrogate(low) {
        return UTF16.decode(UTF16.EncodedScalar([unit, low]))
      }
    }
    at = afterHigh
    return "\u{FFFD}"
  }

  private mutating func hexUnit() throws(WireError) -> UInt16 {
    guard bytes.count - at >= 4, bytes[at..<at + 4].allSatisfy(isHexDigit),
      let unit = UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
    else { throw error("\\u needs four hexadecimal digits") }
    at += 4
    return unit
  }

  private func isHexDigit(_ byte: UInt8) -> Bool {
    Character(Unicode.Scalar(byte)).isHexDigit
  }
}
