/// Looks for stop strings in text that arrives in portions, and holds back what may become one.
///
/// The stop string that is complete first wins; of those that end at the same byte the longest. So the result
/// depends on the text alone and not on how it is cut into tokens. Texts are compared byte by byte, without
/// regard to canonical equivalence.
struct StopMatcher {
  /// Knuth, Morris and Pratt's automaton of one stop string.
  private struct Pattern {
    let bytes: [UInt8]
    /// Of the first i + 1 bytes: the longest proper prefix that is also their suffix.
    let borders: [Int]
    /// How many bytes at the end of the text so far are the beginning of the stop string.
    var matched = 0

    init(_ bytes: [UInt8]) {
      var borders = [Int](repeating: 0, count: bytes.count)
      var length = 0
      for index in bytes.indices.dropFirst() {
        while length > 0, bytes[length] != bytes[index] { length = borders[length - 1] }
        if bytes[length] == bytes[index] { length += 1 }
        borders[index] = length
      }
      self.bytes = bytes
      self.borders = borders
    }

    var isComplete: Bool { matched == bytes.count }

    mutating func advance(_ byte: UInt8) {
      while matched > 0, bytes[matched] != byte { matched = borders[matched - 1] }
      if bytes[matched] == byte { matched += 1 }
    }
  }

  private var patterns: [Pattern]
  private var held: [UInt8] = []
  /// A stop string was found; the matcher gives no more text.
  private(set) var isStopped = false

  /// Empty stop strings are ignored.
  init(_ stops: [String]) {
    patterns = stops.filter { !$0.isEmpty }.map { Pattern(Array($0.utf8)) }
  }

  /// The text that is certainly before any stop string.
  mutating func append(_ text: String) -> String {
    guard !isStopped else { return "" }
    guard !patterns.isEmpty else { return text }
    for byte in text.utf8 {
      held.append(byte)
      var longest = 0
      for index in patterns.indices {
        patterns[index].advance(byte)
        if patterns[index].isComplete { longest = max(longest, patterns[index].bytes.count) }
      }
      if longest > 0 {
        isStopped = true
        return release(held.count - longest, dropsRest: true)
      }
    }
    return release(held.count - (patterns.map(\.matched).max() ?? 0))
  }

  /// The text that was held back, now that no more comes.
  mutating func finish() -> String {
    release(held.count, dropsRest: true)
  }

  private mutating func release(_ count: Int, dropsRest: Bool = false) -> String {
    defer { held.removeFirst(dropsRest ? held.count : count) }
    return String(decoding: held[..<count], as: UTF8.self)
  }
}
