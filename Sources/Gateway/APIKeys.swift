import Crypto
import FoundationEssentials

/// The keys that may call, kept only as SHA-256.
///
/// Every look-up hashes what was presented and compares it with all keys, each over all its bytes, so that the
/// time says neither whether a key was nearly right nor which of them it is.
package struct APIKeys: Sendable {
  /// Who calls.
  struct Caller: Sendable, Equatable {
    /// For the logs.
    let name: String
    /// Begins the ids of the caller's jobs, so that no caller can read or meet the job of another.
    let scope: String
  }

  private struct Entry {
    let caller: Caller
    let digest: [UInt8]
  }

  package static let none = APIKeys(entries: [])

  private let entries: [Entry]

  package var isEmpty: Bool { entries.isEmpty }

  private init(entries: [Entry]) {
    self.entries = entries
  }

  /// - Parameters:
  ///   - key: `API_KEY`; `nil` and empty are no key.
  ///   - file: the text of `API_KEYS_FILE`: one key a line, plain or as `name:key`; empty lines and lines that
  ///     begin with `#` don't count.
  package init(key: String?, file: String? = nil) throws(GatewayError) {
    var entries: [Entry] = []
    if let key, !key.isEmpty {
      entries.append(try Self.entry(name: "default", key: key[...], setting: "API_KEY"))
    }
    if let file {
      let lines = file.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      for (index, line) in lines.enumerated() {
        let text = line.trimmed
        if text.isEmpty || text.hasPrefix("#") { continue }
        let colon = text.firstIndex(of: ":")
        let name = colon.map { String(text[..<$0].trimmed) } ?? "line-\(index + 1)"
        let key = colon.map { text[text.index(after: $0)...].trimmed } ?? text
        let setting = "API_KEYS_FILE line \(index + 1)"
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
          throw GatewayError(setting, "the name before the colon must be 1 to 64 ASCII characters")
        }
        entries.append(try Self.entry(name: name, key: key, setting: setting))
      }
      if entries.isEmpty { throw GatewayError("API_KEYS_FILE", "the file has no key") }
    }
    self.entries = entries
  }

  /// Reads `API_KEYS_FILE` too.
  package static func load(key: String?, filePath: String?) throws(GatewayError) -> APIKeys {
    guard let filePath, !filePath.isEmpty else { return try APIKeys(key: key) }
    guard let data = FileManager.default.contents(atPath: filePath),
      let text = String(validating: data, as: UTF8.self)
    else { throw GatewayError("API_KEYS_FILE", "can't read \(filePath) as text") }
    return try APIKeys(key: key, file: text)
  }

  /// The caller whose key this is.
  func caller(presenting key: String) -> Caller? {
    let presented = Self.sha256(key)
    var found: Caller?
    for entry in entries {
      var difference: UInt8 = 0
      for (left, right) in zip(entry.digest, presented) { difference |= left ^ right }
      found = difference == 0 ? entry.caller : found
    }
    return found
  }

  private static func entry(name: String, key: Substring, setting: String) throws(GatewayError) -> Entry {
    // What a header field can carry.
    guard !key.isEmpty, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw GatewayError(setting, "a key must be printable ASCII without spaces")
    }
    // The scope is visible in ids, so it is not a part of the hash that the key is checked with.
    let scope = sha256("scope of \(key)").prefix(4).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return Entry(caller: Caller(name: name, scope: scope.joined()), digest: sha256(String(key)))
  }

  private static func sha256(_ text: String) -> [UInt8] {
    Array(SHA256.hash(data: Array(text.utf8)))
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self[...]
    while text.first?.isWhitespace == true { text = text.dropFirst() }
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return text
  }
}
