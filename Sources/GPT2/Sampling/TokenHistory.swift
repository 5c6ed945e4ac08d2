/// The tokens before a choice, as far as its penalties ask for them.
struct TokenHistory: Sendable {
  /// How often the new text has a token; 0 for those that only the prompt has.
  private(set) var counts: [Int32: Int32] = [:]

  /// Nil if the parameters ask for none.
  init?(prompt: [Int32], _ parameters: SamplingParameters) {
    guard parameters.penalizesTokens else { return nil }
    if parameters.repetitionPenalty != 1 {
      for token in prompt { counts[token] = 0 }
    }
  }

  /// Takes a new token.
  mutating func append(_ token: Int32) { counts[token, default: 0] += 1 }
}
