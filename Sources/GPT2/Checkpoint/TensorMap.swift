/// The tensors of a state dict in the places of the model: each expected one found once, in the engine's
/// orientation, nothing left over.
struct TensorMap {
  /// One tensor, or the thirds q, k and v. Biases that the model lacks are absent.
  private(set) var parts: [ModelTensor: [FileTensor]] = [:]
  let layers: Int
  /// Whether the file's matrices are Conv1D's `[in, out]`.
  let isConv1D: Bool

  init(_ state: StateDict) throws(GPT2Error) {
    var found: [ModelTensor: [Int: FileTensor]] = [:]
    var unexpected: [FileTensor] = []
    var highest = -1
    for (key, tensor) in state.tensors {
      let (pattern, layer) = NameTable.pattern(of: key)
      guard let meaning = state.table.names[pattern], layer < 1024 else {
        if !state.table.masks.contains(pattern) { unexpected.append(tensor) }
        continue
      }
      let place = meaning.slot.tensor(layer: layer)
      if case .block = place { highest = max(highest, layer) }
      if let other = found[place, default: [:]].updateValue(tensor, forKey: meaning.third ?? 0) {
        throw GPT2Error(.notGPT2, "\(other.name) and \(tensor.name) are the same tensor of the model twice")
      }
    }
    try Self.refuse(unexpected)
    layers = highest + 1
    try Self.requireAll(found, layers: layers, state)
    let fused = found[.block(0, .attentionInputWeight)]?[0]?.shape ?? []
    isConv1D = state.table.orientation == .byShape && fused.count == 2 && fused[0] < fused[1]
    for (place, pieces) in found {
      let ordered = pieces.sorted { $0.key < $1.key }.map(\.value)
      parts[place] = isTransposed(place) ? ordered.map { $0.transposed() } : ordered
    }
  }

  /// Whether the tensor lies in the file the other way round.
  private func isTransposed(_ tensor: ModelTensor) -> Bool {
    guard case .block(_, let block) = tensor else { return false }
    return isConv1D && NameTable.Slot.block(block).isBlockMatrix
  }

  func shape(of tensor: ModelTensor) -> [Int]? {
    guard let pieces = parts[tensor], var shape = pieces.first?.shape else { return nil }
    guard pieces.count > 1, !shape.isEmpty else { return shape }
    guard pieces.allSatisfy({ $0.shape == shape }) else { return nil }
    shape[0] *= pieces.count
    return shape
  }

  /// Drops the rows behind the first `count` from the token embedding and the head that goes with it.
  mutating func cutVocabulary(to count: Int) {
    for place in [ModelTensor.tokenEmbedding, .headWeight] {
      parts[place] = parts[place].map { $0.map { $0.rows(0..<count) } }
    }
  }

  /// The names in the file, for messages.
  func names(of tensor: ModelTensor) -> String { (parts[tensor] ?? []).map(\.name).joined(separator: ", ") }

  /// Every tensor must have the shape that the configuration gives it.
  func checkShapes(_ config: GPT2Config, _ head: ModelHead) throws(GPT2Error) {
    var wrong: [String] = []
    for (place, pieces) in parts {
      var needed = place.shape(in: config, head: head)
      needed[0] /= pieces.count
      for piece in pieces where piece.shape != needed {
        let shapes = [piece.shape, needed].map { isTransposed(place) ? $0.reversed() : $0 }
        wrong.append("\(piece.name) has the shape \(shapes[0]); this model needs \(shapes[1])")
      }
    }
    if let first = wrong.min() { throw GPT2Error(.notGPT2, first) }
  }

  private static func refuse(_ unexpected: [FileTensor]) throws(GPT2Error) {
    guard let first = unexpected.first else { return }
    for refused in NameTable.refused {
      if let tensor = unexpected.first(where: { $0.name.contains(refused.part) }) {
        throw GPT2Error(.unsupportedFormat, "it is \(refused.reason) (tensor \(tensor.name))")
      }
    }
    let others = unexpected.count > 1 ? " and \(unexpected.count - 1) more" : ""
    throw GPT2Error(.notGPT2, "\(first.name)\(others) is no tensor of a GPT-2 model that is known here")
  }

  /// Weights always; biases of one kind in all blocks or in none, and only those that real models leave out.
  private static func requireAll(
    _ found: [ModelTensor: [Int: FileTensor]], layers: Int, _ state: StateDict
  ) throws(GPT2Error) {
    typealias Block = ModelTensor.Block
    let biases: Set<Block> = [
      .norm1Bias, .norm2Bias, .attentionInputBias, .attentionOutputBias, .mlpInputBias, .mlpOutputBias,
    ]
    let blocks = 0..<max(1, layers)
    let absent = biases.filter { bias in blocks.allSatisfy { found[.block($0, bias)] == nil } }
    let isBare = absent == biases
    let optional = isBare || absent == [.attentionInputBias] ? absent : []
    var needed: [(slot: NameTable.Slot, layer: Int)] = [(.tokenEmbedding, 0), (.positionEmbedding, 0)]
    for layer in blocks {
      needed += Block.allCases.filter { !optional.contains($0) }.map { (.block($0), layer) }
    }
    needed.append((.finalNormWeight, 0))
    if !isBare { needed.append((.finalNormBias, 0)) }
    let missing = needed.flatMap { slot, layer in
      state.table.meanings(of: slot).filter { found[slot.tensor(layer: layer)]?[$0.third ?? 0] == nil }
        .map { (meaning: $0, layer: layer) }
    }
    guard let first = missing.first else { return }
    let others = missing.count > 1 ? " and \(missing.count - 1) more are" : " is"
    throw GPT2Error(
      .notGPT2,
      "it has the names of \(state.table.family), but \(state.name(of: first.meaning, layer: first.layer))"
        + "\(others) missing")
  }
}
