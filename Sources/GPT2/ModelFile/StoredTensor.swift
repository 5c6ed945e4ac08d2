/// One payload of a model file: a part of a model's tensor in the kernels' layout.
struct StoredTensor: Hashable {
  typealias Name = ModelTensor

  enum Part: UInt8, CaseIterable {
    /// A matrix `[N, K]` in the kernels' order.
    case weights = 1
    /// `[N padded]` f32 each, of a quantized matrix.
    case scales = 2
    case sums = 3
    /// A bias or layer norm, `[n padded]` f32.
    case vector = 4
    /// A matrix in row-major f32.
    case rows = 5
  }

  var name: Name
  var part: Part

  init(_ name: Name, _ part: Part) {
    self.name = name
    self.part = part
  }

  /// What the file's table calls it, for example `block.3.mlpInputWeight.scales`.
  var label: String {
    let tensor =
      switch name {
      case .tokenEmbedding: "tokenEmbedding"
      case .positionEmbedding: "positionEmbedding"
      case .block(let index, let tensor): "block.\(index).\(tensor.rawValue)"
      case .finalNormWeight: "finalNormWeight"
      case .finalNormBias: "finalNormBias"
      case .headWeight: "headWeight"
      case .headBias: "headBias"
      }
    switch part {
    case .weights, .vector, .rows: return tensor
    case .scales: return tensor + ".scales"
    case .sums: return tensor + ".sums"
    }
  }
}

extension ModelFileHeader {
  /// How a matrix is stored: what the model's quantization says, except a classifier's head, whose few rows
  /// cost nothing in f32.
  func storage(of name: ModelTensor) -> Quantization {
    if name == .headWeight, case .classifier = head { return .f32 }
    return quantization
  }

  /// The tensors of a model of this shape, in the order in which a file holds them: that of a step.
  var modelTensors: [ModelTensor] {
    var tensors: [ModelTensor] = [.tokenEmbedding, .positionEmbedding]
    for layer in 0..<config.layers {
      for tensor in ModelTensor.Block.allCases { tensors.append(.block(layer, tensor)) }
    }
    tensors += [.finalNormWeight, .finalNormBias]
    switch head {
    case .languageModel(tied: true): break
    case .languageModel(tied: false): tensors.append(.headWeight)
    case .classifier(_, let bias): tensors += bias ? [.headWeight, .headBias] : [.headWeight]
    }
    return tensors
  }

  /// The payloads of one of the model's tensors, with their sizes in bytes.
  func payloads(of name: ModelTensor) -> [(tensor: StoredTensor, size: Int)] {
    let shape = name.shape(in: config, head: head)
    if name == .positionEmbedding { return [(StoredTensor(name, .rows), 4 * shape[0] * shape[1])] }
    guard shape.count == 2 else {
      return [(StoredTensor(name, .vector), 4 * KernelLayout.padded(shape[0]))]
    }
    let storage = storage(of: name)
    let bytes = PackedMatrix.packedBytes(storage, inputs: shape[1], outputs: shape[0])
    guard storage != .f32 else { return [(StoredTensor(name, .weights), bytes)] }
    let perOutput = 4 * KernelLayout.padded(shape[0])
    return [
      (StoredTensor(name, .weights), bytes), (StoredTensor(name, .scales), perOutput),
      (StoredTensor(name, .sums), perOutput),
    ]
  }
}
