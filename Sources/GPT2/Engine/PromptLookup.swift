/// Proposes the next tokens of a sequence from its own text: where its last three tokens stood before, what came after
/// them then may come again (prompt lookup decoding, Saxena 2023).
///
/// A proposal is verified in the step that computes the next token anyway, and only those tokens are kept that plain
/// sampling would have chosen, so it changes how long a text takes and never the text. Proposals grow while they come
/// true, and pause for ever longer while they don't.
struct PromptLookup: Sendable {
  static let longestDraft = 7
  private static let context = 3
  private static let longestPause = 64

  private var length = 3
  private var pause = 0
  private var nextPause = 1

  /// At most `limit` tokens that may follow `tokens`; none if there is no reason to expect any.
  mutating func draft(after tokens: [Int32], limit: Int) -> [Int32] {
    guard limit > 0, tokens.count > Self.context else { return [] }
    guard pause == 0 else {
      pause -= 1
      return []
    }
    guard let begin = Self.continuation(of: tokens) else { return [] }
    // Beyond the end of the text the draft continues itself: a text that repeats one token has to.
    var draft: [Int32] = []
    for offset in 0..<min(length, limit) {
      let source = begin + offset
      draft.append(source < tokens.count ? tokens[source] : draft[source - tokens.count])
    }
    return draft
  }

  /// Takes note of how many of the proposed tokens came true.
  mutating func learn(proposed: Int, accepted: Int) {
    if accepted == proposed {
      length = min(2 * length, Self.longestDraft)
      nextPause = 1
    } else if accepted > 0 {
      length = max(2, accepted + 1)
    } else {
      length = max(2, length / 2)
      pause = nextPause
      nextPause = min(2 * nextPause, Self.longestPause)
    }
  }

  /// Behind the last earlier occurrence of the last tokens.
  private static func continuation(of tokens: [Int32]) -> Int? {
    tokens.withUnsafeBufferPointer { tokens in
      let end = tokens.count
      let (a, b, c) = (tokens[end - 3], tokens[end - 2], tokens[end - 1])
      var index = end - 2
      while index >= context - 1 {
        if tokens[index] == c, tokens[index - 1] == b, tokens[index - 2] == a { return index + 1 }
        index -= 1
      }
      return nil
    }
  }
}
