import JobWire
import Testing

/// The parser and the writer of JSON, by what RFC 8259 says.
@Suite struct JSONTests {
  static func parse(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  @Test(
    "A valid text gives its value",
    arguments: [
      ("null", JSONValue.null), (" true ", .bool(true)), ("false\n", .bool(false)),
      ("0", .integer(0)), ("-0", .integer(0)), ("12", .integer(12)),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("9223372036854775808", .bigNumber("9223372036854775808")), ("-1e999", .bigNumber("-1e999")),
      ("1.0", .double(1)), ("1e2", .double(100)), ("1E+2", .double(100)), ("-2.5e-1", .double(-0.25)),
      ("1e-400", .double(0)),
      (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\t""#, .string("a\"\\/\u{8}\u{C}\n\r\t")),
      (#""\u00e9 \u20AC \ud83d\ude00""#, .string("é € 😀")), (#""\u0000""#, .string("\0")),
      ("\"é😀\u{7F}\"", .string("é😀\u{7F}")),
      ("[]", .array([])), ("[ 1 , [] ]", .array([.integer(1), .array([])])),
      ("{}", .object([])),
      (
        #"{"b":1, "a":{"b":null}}"#,
        .object([.init("b", .integer(1)), .init("a", .object([.init("b", .null)]))])
      ),
      ("\u{FEFF}{}", .object([])),
    ])
  func valid(text: String, value: JSONValue) throws {
    #expect(try Self.parse(text) == value)
  }

  @Test(
    "Half of a surrogate pair becomes U+FFFD",
    arguments: [
      (#""\ud800""#, "\u{FFFD}"), (#""\udc00x""#, "\u{FFFD}x"), (#""\ud800\ud800""#, "\u{FFFD}\u{FFFD}"),
      (#""\ud800\n""#, "\u{FFFD}\n"), (#""\ud800A""#, "\u{FFFD}A"),
      (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
    ])
  func surrogates(text: String, value: String) throws {
    #expect(try Self.parse(text) == .string(value))
  }

  @Test(
    "What is not JSON is refused",
    arguments: [
      "", " ", "{", "}", "[", "[1", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}",
      "{} {}", "1 2", "nul", "nulL", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e",
      "1e+",
      "0x10", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u+123\"",
      "\"a\nb\"", "\"a\u{1}\"", #"{"a":1,"a":2}"#, #"[{"a":1,"\u0061":1}]"#, "// c\n1", "\u{FEFF}\u{FEFF}1",
    ])
  func invalid(text: String) {
    let error = #expect(throws: WireError.self) { try Self.parse(text) }
    #expect(error?.kind == .malformed)
    #expect(error?.message.contains("at byte") == true)
  }

  @Test(
    "Bytes that are not UTF-8 are refused in strings and elsewhere",
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22], [0xFF], [0x22, 0xE2],
    ]
      as [[UInt8]])
  func invalidUTF8(bytes: [UInt8]) {
    #expect(throws: WireError.self) { try JSONValue(parsing: bytes) }
  }

  @Test("The greatest depth that can be set is no danger to a thread of half a megabyte")
  func greatestDepth() async throws {
    let nested = String(repeating: #"{"a":["#, count: 63) + String(repeating: "]}", count: 63)
    let task = Task.detached {
      try JobRequest.decode(
        Array(#"{"id":"a","prompt":"p","x":\#(nested)}"#.utf8), mode: .queue,
        limits: RequestLimits(maxDepth: 128))
    }
    await #expect(throws: Never.self) { try await task.value }
  }

  @Test("32 levels are read and 33 refused, however deep the text goes")
  func depth() throws {
    let nested = { (levels: Int) in
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    #expect(throws: Never.self) { try Self.parse(nested(32)) }
    #expect(throws: WireError.self) { try Self.parse(nested(33)) }
    #expect(throws: WireError.self) { try Self.parse(String(repeating: "{\"a\":", count: 200_000)) }
  }

  @Test("Every text cut short is refused without a crash")
  func truncated() throws {
    let text = Array(#"{"a":[1.5e3,"\u00e9\ud83d\ude00é",{"b":true,"c":null}],"d":false}"#.utf8)
    for end in text.indices {
      #expect(throws: WireError.self) { try JSONValue(parsing: Array(text[..<end])) }
    }
    #expect(throws: Never.self) { try JSONValue(parsing: text) }
  }

  @Test("What is written reads back the same, and control characters are escaped")
  func roundTrip() throws {
    let value = JSONValue.object([
      .init("text", .string("\"\\/\n\r\t\u{0}\u{1F}\u{7F}é😀\u{2028}")),
      .init("numbers", .array([.integer(.min), .integer(.max), .double(0.1), .double(1e-300), .double(5)])),
      .init("big", .array([.bigNumber("9223372036854775808"), .bigNumber("1e400")])),
      .init("empty", .array([.object([]), .array([]), .null, .bool(true), .bool(false)])),
    ])
    let bytes = value.encoded
    #expect(try JSONValue(parsing: bytes) == value)
    #expect(bytes.allSatisfy { $0 >= 0x20 })
  }

  @Test(
    "A message shows a value as it was written, or how long it is",
    arguments: [
      ("9223372036854775808", "9223372036854775808"), ("-1e400", "-1e400"), ("5", "5"), ("0.25", "0.25"),
      (String(repeating: "1", count: 99), "a number of 99 characters"), ("\"a\"", "the string \"a\""),
      ("\"\(String(repeating: "é", count: 50))\"", "a string of 100 bytes"), ("[]", "an empty array"),
      ("[1,[2]]", "an array of 2"),
    ])
  func summaries(text: String, summary: String) throws {
    #expect(try Self.parse(text).summary == summary)
  }

  @Test("A number beyond an integer is one of the doubles, unless it is beyond them too")
  func bigNumbers() throws {
    #expect(try Self.parse("9223372036854775808").doubleValue == 0x1p63)
    #expect(try Self.parse("9223372036854775808").integerValue == nil)
    #expect(try Self.parse("1e400").doubleValue == nil)
  }

  @Test("A number that JSON can't say is written as null")
  func notFinite() {
    #expect(JSONValue.array([.double(.nan), .double(.infinity)]).encoded == Array("[null,null]".utf8))
  }
}
