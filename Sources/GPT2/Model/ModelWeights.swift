/// All weights of a model as the forward pass reads them: pointers into the mapped file.
struct ModelWeights {
  struct Block {
    var norm1: NormWeights
    /// [E] → [3E], q | k | v.
    var attentionInput: PackedMatrix
    /// [E] → [E]
    var attentionOutput: PackedMatrix
    var norm2: NormWeights
    /// [E] → [I] → [E]
    var mlpInput: PackedMatrix
    var mlpOutput: PackedMatrix
  }

  /// [V, E]: rows are looked up, and it is the head where that is tied.
  var tokens: PackedMatrix
  /// [P, E]
  var positions: UnsafePointer<Float>
  var blocks: [Block]
  var finalNorm: NormWeights
  /// [E] → [V] or the labels.
  var head: PackedMatrix
}

extension ModelWeights {
  /// Takes the weights out of an opened model file, which must stay mapped as long as they are used.
  init(_ file: ModelFile) throws(GPT2Error) {
    let config = file.header.config
    func floats(_ tensor: StoredTensor) throws(GPT2Error) -> UnsafePointer<Float> {
      try file.pointer(to: tensor).assumingMemoryBound(to: Float.self)
    }
    func norm(_ weight: StoredTensor.Name, _ bias: StoredTensor.Name) throws(GPT2Error) -> NormWeights {
      NormWeights(
        weight: try floats(StoredTensor(weight, .vector)), bias: try floats(StoredTensor(bias, .vector)),
        epsilon: config.layerNormEpsilon)
    }
    func matrix(
      _ name: StoredTensor.Name, _ inputs: Int, _ outputs: Int, bias: StoredTensor.Name?
    ) throws(GPT2Error) -> PackedMatrix {
      let weights = try file.pointer(to: StoredTensor(name, .weights))
      let bias: UnsafePointer<Float>? =
        if let bias { try floats(StoredTensor(bias, .vector)) } else { nil }
      let quantization = file.header.storage(of: name)
      let isQuantized = quantization != .f32
      return PackedMatrix(
        quantization, inputs: inputs, outputs: outputs, weights: weights,
        scales: isQuantized ? try floats(StoredTensor(name, .scales)) : nil,
        sums: isQuantized ? try floats(StoredTensor(name, .sums)) : nil, bias: bias)
    }

    let width = config.width
    let inner = config.innerWidth
    tokens = try matrix(.tokenEmbedding, width, config.vocabularySize, bias: nil)
    positions = try floats(StoredTensor(.positionEmbedding, .rows))
    finalNorm = try norm(.finalNormWeight, .finalNormBias)
    blocks = []
    for i in 0..<config.layers {
      blocks.append(
        Block(
          norm1: try norm(.block(i, .norm1Weight), .block(i, .norm1Bias)),
          attentionInput: try matrix(
            .block(i, .attentionInputWeight), width, 3 * width, bias: .block(i, .attentionInputBias)),
          attentionOutput: try matrix(
            .block(i, .attentionOutputWeight), width, width, bias: .block(i, .attentionOutputBias)),
          norm2: try norm(.block(i, .norm2Weight), .block(i, .norm2Bias)),
          mlpInput: try matrix(.block(i, .mlpInputWeight), width, inner, bias: .block(i, .mlpInputBias)),
          mlpOutput: try matrix(.block(i, .mlpOutputWeight), inner, width, bias: .block(i, .mlpOutputBias))))
    }
    switch file.header.head {
    case .languageModel(tied: true): head = tokens
    case .languageModel(tied: false): head = try matrix(.headWeight, width, config.vocabularySize, bias: nil)
    case .classifier(let labels, let bias):
      head = try matrix(.headWeight, width, labels.count, bias: bias ? .headBias : nil)
    }
  }
}
