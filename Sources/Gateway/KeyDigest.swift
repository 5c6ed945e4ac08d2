import Crypto

/// The SHA-256 of a key: all that is kept of it.
package struct KeyDigest: Sendable, Equatable {
  static let byteCount = 32

  private let bytes: [UInt8]

  package init(of key: some StringProtocol) {
    bytes = Array(SHA256.hash(data: Array(key.utf8)))
  }

  /// Nil if it isn't written as 64 hexadecimal digits.
  package init?(hex: some StringProtocol) {
    let digits = hex.utf8.map(Self.value)
    guard digits.count == 2 * Self.byteCount else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(high << 4 | low)
    }
    self.bytes = bytes
  }

  /// As 64 hexadecimal digits, in small letters.
  package var hex: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// 0 if they are the same. It takes as long wherever they differ.
  package func difference(from other: KeyDigest) -> UInt8 {
    var difference: UInt8 = 0
    for (left, right) in zip(bytes, other.bytes) { difference |= left ^ right }
    return difference
  }

  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
