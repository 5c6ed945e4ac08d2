/// Turns bytes that arrive in any portions into text, holding back a character that is not complete yet.
///
/// All portions and `finish()` together are what decoding all bytes at once gives, U+FFFD for invalid
/// sequences included.
struct UTF8Assembler {
  /// A valid beginning of a character, 0 to 3 bytes.
  private var pending: [UInt8] = []

  /// The text that these bytes make certain.
  mutating func append(_ bytes: [UInt8]) -> String {
    let all = pending + bytes
    let certain = all.count - Self.incompleteSuffix(of: all)
    pending = Array(all[certain...])
    return String(decoding: all[..<certain], as: UTF8.self)
  }

  /// What is left when no more bytes come.
  mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end begin a character that may still become valid.
  private static func incompleteSuffix(of bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      guard !(0x80..<0xC0 ~= lead) else { continue }
      guard length < Self.length(ofCharacterWith: lead) else { return 0 }
      let isPossible = length == 1 || secondBytes(after: lead) ~= bytes[bytes.count - length + 1]
      return isPossible ? length : 0
    }
    return 0
  }

  /// 0 for a byte that begins no character.
  private static func length(ofCharacterWith lead: UInt8) -> Int {
    switch lead {
    case 0x00...0x7F: 1
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 0
    }
  }

  /// Excludes overlong forms, surrogates and what is beyond U+10FFFF.
  private static func secondBytes(after lead: UInt8) -> ClosedRange<UInt8> {
    switch lead {
    case 0xE0: 0xA0...0xBF
    case 0xED: 0x80...0x9F
    case 0xF0: 0x90...0xBF
    case 0xF4: 0x80...0x8F
    default: 0x80...0xBF
    }
  }
}
