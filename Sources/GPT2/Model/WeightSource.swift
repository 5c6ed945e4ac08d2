/// What stands on top of the last layer norm.
package enum ModelHead: Sendable, Equatable {
  /// Logits over the vocabulary; a tied head is the token embedding itself.
  case languageModel(tied: Bool)
  /// Logits over a few labels, with or without a bias; `labels` names them in the order of the rows.
  case classifier(labels: [String], bias: Bool)

  /// The number of logits.
  package func outputs(of config: GPT2Config) -> Int {
    switch self {
    case .languageModel: config.vocabularySize
    case .classifier(let labels, _): labels.count
    }
  }
}

/// A tensor of a GPT-2 model in the one form that the engine knows: linear weights are `[out, in]`, row-major
/// f32; q, k and v are one matrix in this order along the rows, each head's rows contiguous.
///
/// Whatever names, orientation and splits a checkpoint uses end at this type.
package enum ModelTensor: Hashable, Sendable {
  /// One block's tensors.
  package enum Block: String, CaseIterable, Sendable {
    /// `[E]` each.
    case norm1Weight, norm1Bias, norm2Weight, norm2Bias
    /// `[3E, E]` and `[3E]`.
    case attentionInputWeight, attentionInputBias
    /// `[E, E]` and `[E]`.
    case attentionOutputWeight, attentionOutputBias
    /// `[I, E]` and `[I]`.
    case mlpInputWeight, mlpInputBias
    /// `[E, I]` and `[E]`.
    case mlpOutputWeight, mlpOutputBias
  }

  /// `[V, E]`.
  case tokenEmbedding
  /// `[P, E]`.
  case positionEmbedding
  case block(Int, Block)
  /// `[E]` each.
  case finalNormWeight, finalNormBias
  /// `[outputs, E]` (asked for only where the head is not tied) and `[outputs]` (only where it has a bias).
  case headWeight, headBias

  /// The shape in a model of this configuration.
  package func shape(in config: GPT2Config, head: ModelHead) -> [Int] {
    let width = config.width
    switch self {
    case .tokenEmbedding: return [config.vocabularySize, width]
    case .positionEmbedding: return [config.contextLength, width]
    case .finalNormWeight, .finalNormBias: return [width]
    case .headWeight: return [head.outputs(of: config), width]
    case .headBias: return [head.outputs(of: config)]
    case .block(_, let tensor):
      switch tensor {
      case .norm1Weight, .norm1Bias, .norm2Weight, .norm2Bias: return [width]
      case .attentionInputWeight: return [3 * width, width]
      case .attentionInputBias: return [3 * width]
      case .attentionOutputWeight: return [width, width]
      case .mlpInputWeight: return [config.innerWidth, width]
      case .mlpInputBias: return [config.innerWidth]
      case .mlpOutputWeight: return [width, config.innerWidth]
      case .attentionOutputBias, .mlpOutputBias: return [width]
      }
    }
  }
}

/// Where a model's weights come from: a checkpoint file, or numbers made by a test.
package protocol WeightSource {
  var config: GPT2Config { get }
  var head: ModelHead { get }
  /// The tensor's values, row-major, `shape(in:head:)` many. A bias that the model lacks is all zeros.
  func values(of tensor: ModelTensor) throws(GPT2Error) -> [Float]
}
