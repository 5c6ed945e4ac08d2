import Glibc

/// The keys that may call, kept only as SHA-256.
///
/// Every look-up hashes what was presented and compares it with all keys, each over all its bytes, so that the
/// time says neither whether a key was nearly right nor which of them it is.
package struct APIKeys: Sendable {
  /// Who calls.
  package struct Caller: Sendable, Equatable {
    /// For the logs, and for the limits: keys of one name share them, as an old and a new one do for a while.
    package let name: String
    /// Begins the ids of the caller's jobs, so that no caller can read or meet the job of another. It follows from
    /// the digest of the key, so it is the same however the key is written down.
    package let scope: String
    package let limits: CallerLimits
  }

  private struct Entry {
    let caller: Caller
    let digest: KeyDigest
    /// Where it was read, for errors.
    let place: String
  }

  package static let none = APIKeys()

  private static let maxFileBytes = 1 << 20

  private var entries: [Entry] = []

  package var isEmpty: Bool { entries.isEmpty }

  private init() {}

  /// - Parameters:
  ///   - key: `API_KEY`, one key; `nil` and empty are none.
  ///   - list: `API_KEYS`, lines as in the file, which commas separate too; `nil` and empty are none.
  ///   - file: the text of `API_KEYS_FILE`: one key a line, see `APIKeyLine`; empty lines and lines that begin
  ///     with `#` don't count.
  package init(key: String?, list: String? = nil, file: String? = nil) throws(GatewayError) {
    if let key, !key.isEmpty {
      let line = try APIKeyLine(name: "default", key: key[...], limits: CallerLimits(), place: "API_KEY")
      try add(line, place: "API_KEY")
    }
    if let list, !list.isEmpty {
      // A comment goes to the end of its line: what was commented out must not become a key after its first comma.
      let entries = Self.lines(list).map(\.text).flatMap { $0.split(separator: ",") }
      var count = 0
      for entry in entries {
        guard let text = Self.content(entry) else { continue }
        count += 1
        let place = "API_KEYS entry \(count)"
        try add(APIKeyLine(text, place: place), place: place)
      }
      if count == 0 { throw GatewayError("API_KEYS", "there is no key in it") }
    }
    if let file {
      let lines = Self.lines(file)
      for line in lines {
        let place = "API_KEYS_FILE line \(line.number)"
        try add(APIKeyLine(line.text, place: place), place: place)
      }
      if lines.isEmpty { throw GatewayError("API_KEYS_FILE", "the file has no key") }
    }
  }

  /// Reads `API_KEYS_FILE` too.
  package static func load(
    key: String?, list: String? = nil, filePath: String?
  ) throws(GatewayError) -> APIKeys {
    guard let filePath, !filePath.isEmpty else { return try APIKeys(key: key, list: list) }
    return try APIKeys(key: key, list: list, file: text(ofFile: filePath))
  }

  private static func text(ofFile path: String) throws(GatewayError) -> String {
    func failure(_ reason: String) -> GatewayError {
      GatewayError("API_KEYS_FILE", "\(path) can't be read: \(reason)")
    }
    // Non-blocking, or a named pipe without a writer would hang here; a regular file does not mind.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw failure("it is no regular file") }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { break }
      if count > 0 {
        bytes += chunk[..<count]
        guard bytes.count <= maxFileBytes else { throw failure("it has more than \(maxFileBytes) bytes") }
      } else if errno != EINTR {
        throw failure(String(cString: strerror(errno)))
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("it is no UTF-8") }
    return text
  }

  /// The caller whose key this is.
  ///
  /// - Parameter difference: is asked once for every key, whether or not one was found before.
  package func caller(
    presenting key: String,
    difference: (KeyDigest, KeyDigest) -> UInt8 = { $0.difference(from: $1) }
  ) -> Caller? {
    let presented = KeyDigest(of: key)
    // Reckoned and not branched, so that a key that is found takes no other path than the rest.
    var found = -1
    for (index, entry) in entries.enumerated() {
      let isEqual = Int((UInt16(difference(entry.digest, presented)) &- 1) >> 15)
      found += (index - found) * isEqual
    }
    return found < 0 ? nil : entries[found].caller
  }

  private mutating func add(_ line: APIKeyLine, place: String) throws(GatewayError) {
    for entry in entries {
      if entry.digest == line.digest { throw GatewayError(place, "it is the same key as \(entry.place)") }
      if entry.caller.name == line.name, entry.caller.limits != line.limits {
        throw GatewayError(
          place,
          "it has the name of \(entry.place) and other limits; keys of one name share their limits")
      }
    }
    let caller = Caller(name: line.name, scope: line.scope, limits: line.limits)
    entries.append(Entry(caller: caller, digest: line.digest, place: place))
  }

  /// The lines that may have keys, and their numbers in the text.
  private static func lines(_ text: String) -> [(number: Int, text: Substring)] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .compactMap { index, line in content(line).map { (index + 1, $0) } }
  }

  /// Nil for what is empty or a comment.
  private static func content(_ line: Substring) -> Substring? {
    let text = line.drop(while: \.isWhitespace)
    return text.isEmpty || text.hasPrefix("#") ? nil : text
  }
}
