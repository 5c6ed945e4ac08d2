/// One sequence to complete.
package struct GenerationRequest: Sendable {
  /// At least one token id, each within the vocabulary.
  package var prompt: [Int32]
  /// At least 1, or 0 where the prompt is scored; `prompt.count + maxNewTokens` is at most the engine's context.
  package var maxNewTokens: Int
  package var sampling: SamplingParameters
  /// UTF-8 strings that end the text; the text returned stops before the first of them.
  package var stop: [String]
  /// Go on past the end-of-text token, as benchmarks want it.
  package var ignoresEndOfText: Bool
  /// Whether each token is an event of its own; without, only the result comes.
  package var reportsTokens: Bool
  /// Only requests with the same one share what was computed of a common beginning: whoever must not learn from the
  /// time of an answer what others asked has another.
  package var cacheSalt: UInt64
  /// The end-of-text token can't be chosen before there are so many new tokens.
  package var minNewTokens: Int
  /// Log-probabilities of the new tokens: nil is none; 0 of the tokens themselves; n also of the n most likely in the
  /// place of each.
  package var topLogprobs: Int?
  /// Also log-probabilities of the prompt's tokens. None of the prompt is then taken from what others computed, since
  /// nobody keeps logits.
  package var scoresPrompt: Bool

  package init(
    prompt: [Int32], maxNewTokens: Int, sampling: SamplingParameters = .init(), stop: [String] = [],
    ignoresEndOfText: Bool = false, reportsTokens: Bool = true, cacheSalt: UInt64 = 0, minNewTokens: Int = 0,
    topLogprobs: Int? = nil, scoresPrompt: Bool = false
  ) {
    self.prompt = prompt
    self.maxNewTokens = maxNewTokens
    self.sampling = sampling
    self.stop = stop
    self.ignoresEndOfText = ignoresEndOfText
    self.reportsTokens = reportsTokens
    self.cacheSalt = cacheSalt
    self.minNewTokens = minNewTokens
    self.topLogprobs = topLogprobs
    self.scoresPrompt = scoresPrompt
  }
}
