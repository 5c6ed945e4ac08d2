/// How the next token is chosen from the logits.
package struct SamplingParameters: Sendable, Equatable {
  /// 0 is greedy: the most likely token, the lowest id among equals.
  package var temperature: Float
  /// Only the k most likely tokens; 0 is off.
  package var topK: Int
  /// Only the most likely tokens that together reach this probability; 1 is off.
  package var topP: Float
  /// The same seed gives the same tokens, whatever shares the batch.
  package var seed: UInt64

  package init(temperature: Float = 1, topK: Int = 0, topP: Float = 1, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }
}

/// One sequence to complete.
package struct GenerationRequest: Sendable {
  /// At least one token id, each within the vocabulary.
  package var prompt: [Int32]
  /// At least 1; `prompt.count + maxNewTokens` is at most the engine's context.
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

  package init(
    prompt: [Int32], maxNewTokens: Int, sampling: SamplingParameters = .init(), stop: [String] = [],
    ignoresEndOfText: Bool = false, reportsTokens: Bool = true, cacheSalt: UInt64 = 0
  ) {
    self.prompt = prompt
    self.maxNewTokens = maxNewTokens
    self.sampling = sampling
    self.stop = stop
    self.ignoresEndOfText = ignoresEndOfText
    self.reportsTokens = reportsTokens
    self.cacheSalt = cacheSalt
  }
}

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
  /// From the request to the first token, and from there to the end.
  package var prefill: Duration
  package var decode: Duration

  package init(
    tokens: [Int32], text: String, finishReason: FinishReason, promptTokens: Int, reusedTokens: Int = 0,
    speculatedTokens: Int = 0, prefill: Duration, decode: Duration
  ) {
    self.tokens = tokens
    self.text = text
    self.finishReason = finishReason
    self.promptTokens = promptTokens
    self.reusedTokens = reusedTokens
    self.speculatedTokens = speculatedTokens
    self.prefill = prefill
    self.decode = decode
  }
}

/// What an engine reports of a running sequence.
package enum GenerationEvent: Sendable {
  /// A new token and the text that became certain with it: whole UTF-8 characters, never the beginning of
  /// what may turn out to be a stop string; it may be empty.
  case token(id: Int32, text: String)
  case finished(GenerationResult)
}
