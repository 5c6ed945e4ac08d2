/// How the next token is chosen from the logits.
///
/// Everything is applied in the order of Hugging Face's `generate`: the bias, the repetition penalty, the penalties of
/// OpenAI's interface (a caller's own processors there), the least number of new tokens; and unless the choice is greedy,
/// the temperature, top-k, top-p, min-p and typical-p, each on the probabilities that the one before it left.
package struct SamplingParameters: Sendable, Equatable {
  /// 0 is greedy: the most likely token, the lowest id among equals.
  package var temperature: Float
  /// Only the k most likely tokens; 0 is off.
  package var topK: Int
  /// Only the most likely tokens that together reach this probability; 1 is off.
  package var topP: Float
  /// The same seed gives the same tokens, whatever shares the batch.
  package var seed: UInt64
  /// Only tokens with this part of the most likely one's probability or more; 0 is off.
  package var minP: Float
  /// Only the tokens whose information is nearest to the entropy and that together reach this probability; 1 is off
  /// (Meister et al.: "Locally Typical Sampling", 2022).
  package var typicalP: Float
  /// What divides the positive logits of tokens that the prompt or the new text has, and multiplies the negative ones;
  /// 1 is off (Keskar et al.: "CTRL", 2019).
  package var repetitionPenalty: Float
  /// What is subtracted from the logits of tokens that the new text has.
  package var presencePenalty: Float
  /// What is subtracted for each time that the new text has the token.
  package var frequencyPenalty: Float
  /// What is added to the logits.
  package var logitBias: [Int32: Float]

  package init(
    temperature: Float = 1, topK: Int = 0, topP: Float = 1, seed: UInt64 = 0, minP: Float = 0,
    typicalP: Float = 1, repetitionPenalty: Float = 1, presencePenalty: Float = 0,
    frequencyPenalty: Float = 0,
    logitBias: [Int32: Float] = [:]
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.minP = minP
    self.typicalP = typicalP
    self.repetitionPenalty = repetitionPenalty
    self.presencePenalty = presencePenalty
    self.frequencyPenalty = frequencyPenalty
    self.logitBias = logitBias
  }

  /// Whether the choice depends on the tokens before it.
  var penalizesTokens: Bool { repetitionPenalty != 1 || penalizesNewTokens }
  var penalizesNewTokens: Bool { presencePenalty != 0 || frequencyPenalty != 0 }
}
