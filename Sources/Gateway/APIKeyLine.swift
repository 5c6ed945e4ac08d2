/// A key as people write it down: `KEY`, `NAME:KEY` or `NAME:sha256=HEX`, where the key itself needn't be kept, and
/// then any of `requests_per_minute=N` and `tokens_per_minute=N`.
///
/// An error says where the line is and nothing of what is on it: any part may be the key.
struct APIKeyLine: Sendable {
  /// For a key that has no name: `key-` and its scope, which tell keys apart in the logs and say nothing of them.
  let name: String
  let scope: String
  let digest: KeyDigest
  let limits: CallerLimits

  private static let digestPrefix = "sha256="
  private static var fields: [(name: String, field: WritableKeyPath<CallerLimits, Int?>)] {
    [("requests_per_minute", \.requestsPerMinute), ("tokens_per_minute", \.tokensPerMinute)]
  }

  /// - Parameter place: where the line is.
  init(_ line: Substring, place: String) throws(GatewayError) {
    let colon = line.firstIndex(of: ":")
    let rest = colon.map { line[line.index(after: $0)...] } ?? line
    let words = rest.split(whereSeparator: \.isWhitespace)
    let limits = try Self.limits(words.dropFirst(), place: place)
    var name: String?
    if let colon {
      let parts = line[..<colon].split(whereSeparator: \.isWhitespace)
      guard parts.count == 1, parts[0].utf8.count <= 64, parts[0].isPrintableASCII else {
        throw GatewayError(place, "the name before the colon must be 1 to 64 ASCII characters without spaces")
      }
      name = String(parts[0])
    }
    try self.init(name: name, key: words.first ?? "", limits: limits, place: place)
  }

  /// - Parameter key: or `sha256=HEX`.
  init(name: String?, key: Substring, limits: CallerLimits, place: String) throws(GatewayError) {
    // What a header field can carry.
    guard !key.isEmpty, key.isPrintableASCII else {
      throw GatewayError(place, "a key must be printable ASCII without spaces")
    }
    // A limit where the key was forgotten would be a key that is easy to guess.
    if Self.fields.contains(where: { key.hasPrefix("\($0.name)=") }) {
      throw GatewayError(place, "the key is missing")
    }
    if key.hasPrefix(Self.digestPrefix) {
      guard let digest = KeyDigest(hex: key.dropFirst(Self.digestPrefix.count)) else {
        throw GatewayError(place, "after sha256= there must be 64 hexadecimal digits")
      }
      self.digest = digest
    } else {
      digest = KeyDigest(of: key)
    }
    // The scope is visible in ids, so it is not a part of the hash that the key is checked with.
    let scope = String(KeyDigest(of: "scope of \(digest.hex)").hex.prefix(8))
    self.scope = scope
    self.name = name ?? "key-\(scope)"
    self.limits = limits
  }

  private static func limits(_ words: ArraySlice<Substring>, place: String) throws(GatewayError)
    -> CallerLimits
  {
    var limits = CallerLimits()
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let (name, field) = Self.fields.first(where: { parts[0] == $0.name }) else {
        throw GatewayError(
          place,
          "a key has no spaces, and only requests_per_minute=N and tokens_per_minute=N may follow it")
      }
      guard limits[keyPath: field] == nil else { throw GatewayError(place, "\(name) is given twice") }
      guard parts.count == 2, let value = Int(parts[1]), CallerLimits.allowed.contains(value) else {
        throw GatewayError(
          place,
          "\(name) must be a whole number from \(CallerLimits.allowed.lowerBound) (no limit) to "
            + "\(CallerLimits.allowed.upperBound)")
      }
      limits[keyPath: field] = value
    }
    return limits
  }
}

extension Substring {
  /// Without spaces.
  fileprivate var isPrintableASCII: Bool { utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}
