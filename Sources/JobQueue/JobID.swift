/// The name of a job and of its result: `[A-Za-z0-9_-]{1,64}`.
///
/// The alphabet is narrow because the id becomes part of a Redis key and of a URL path.
package struct JobID: Hashable, Sendable, CustomStringConvertible {
  package static let maximumLength = 64

  package let rawValue: String

  /// Nil if `string` is empty, too long, or contains anything but letters, digits, `_` and `-`.
  package init?(_ string: String) {
    let bytes = string.utf8
    guard (1...Self.maximumLength).contains(bytes.count), bytes.allSatisfy(Self.isAllowed) else { return nil }
    rawValue = string
  }

  package var description: String { rawValue }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
