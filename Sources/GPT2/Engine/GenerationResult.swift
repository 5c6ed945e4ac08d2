/// Why a sequence ended; the raw value is what clients see.
package enum FinishReason: String, Sendable {
  case length
  /// The end-of-text token.
  case stop
  case stopSequence = "stop_sequence"
}

/// A finished sequence.
package struct GenerationResult: Sendable {
  /// The new tokens, without the prompt and without end-of-text.
  package var tokens: [Int32]
  /// Their text, cut before a stop string.
  package var text: String
  package var finishReason: FinishReason
  package var promptTokens: Int
  /// How many of the prompt's tokens had been computed for others before.
  package var reusedTokens: Int
  /// How many of the new tokens were proposed from the text itself and came true.
  package var speculatedTokens: Int
  /// From the request to the first token or, where there is none, the end of the prompt; and from there to the end.
  package var prefill: Duration
  package var decode: Duration
  /// One for each new token, if they were asked for.
  package var logprobs: [TokenLogprobs]
  /// One for each token of the prompt, if it was to be scored. Nothing tells how likely the first one is: it has none.
  package var promptLogprobs: [TokenLogprobs?]

  package init(
    tokens: [Int32], text: String, finishReason: FinishReason, promptTokens: Int, reusedTokens: Int = 0,
    speculatedTokens: Int = 0, prefill: Duration, decode: Duration, logprobs: [TokenLogprobs] = [],
    promptLogprobs: [TokenLogprobs?] = []
  ) {
    self.tokens = tokens
    self.text = text
    self.finishReason = finishReason
    self.promptTokens = promptTokens
    self.reusedTokens = reusedTokens
    self.speculatedTokens = speculatedTokens
    self.prefill = prefill
    self.decode = decode
    self.logprobs = logprobs
    self.promptLogprobs = promptLogprobs
  }
}

/// What an engine reports of a running sequence.
package enum GenerationEvent: Sendable {
  /// A new token and the text that became certain with it: whole UTF-8 characters, never the beginning of
  /// what may turn out to be a stop string; it may be empty.
  case token(id: Int32, text: String, logprobs: TokenLogprobs?)
  case finished(GenerationResult)
  /// The end of a sequence that nobody wants any more, and how many tokens it had.
  case withdrawn(tokens: Int)
}
