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
    let width = found[.tokenEmbedding]?[0]?.shape.last ?? 0
    let fused = found[.block(0, .attentionInputWeight)]?[0]
    isConv1D = state.table.orientation == .byShape && fused?.shape == [width, 3 * width]
    let thirds = Set(state.table.names.values.filter { $0.third != nil }.map(\.slot))
    for (place, pieces) in found {
      var expected = 1
      if case .block(_, let block) = place, thirds.contains(.block(block)) { expected = 3 }
      guard pieces.count == expected else {
        throw GPT2Error(
          .notGPT2, "of query, key and value only some are there (\(pieces.values.map(\.name).sorted()))")
      }
      let ordered = pieces.sorted { $0.key < $1.key }.map(\.value)
      if case .block(_, let block) = place, isConv1D, NameTable.Slot.block(block).isBlockMatrix {
        parts[place] = ordered.map { $0.transposed() }
      } else {
        parts[place] = ordered
      }
    }
    try requireAll()
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
    for (place, pieces) in parts {
      let expected = place.shape(in: config, head: head)
      guard shape(of: place) == expected else {
        let found = pieces.map { "\($0.shape)" }.joined(separator: ", ")
        let note = isConv1D ? " (transposed)" : ""
        throw GPT2Error(
          .notGPT2, "\(names(of: place)) has the shape \(found)\(note); this model needs \(expected) in all")
      }
    }
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
  private func requireAll() throws(GPT2Error) {
    typealias Block = ModelTensor.Block
    let biases: Set<Block> = [
      .norm1Bias, .norm2Bias, .attentionInputBias, .attentionOutputBias, .mlpInputBias, .mlpOutputBias,
    ]
    var absent: Set<Block> = []
    for block in Block.allCases {
      let missing = (0..<layers).filter { parts[.block($0, block)] == nil }
      guard let first = missing.first else { continue }
      guard biases.contains(block), missing.count == layers else {
        throw GPT2Error(.notGPT2, "block \(first) of \(layers) has no \(block.rawValue)")
      }
      absent.insert(block)
    }
    guard layers > 0 else { throw GPT2Error(.notGPT2, "it has no blocks") }
    let isBare = absent == biases
    guard absent.isEmpty || absent == [.attentionInputBias] || isBare else {
      throw GPT2Error(
        .notGPT2, "the blocks have no \(absent.map(\.rawValue).sorted().joined(separator: ", "))")
    }
    var needed: [(ModelTensor, String)] = [
      (.tokenEmbedding, "token embedding"), (.positionEmbedding, "position embedding"),
      (.finalNormWeight, "final norm's weight"),
    ]
    if !isBare { needed.append((.finalNormBias, "final norm's bias")) }
    for (place, name) in needed where parts[place] == nil {
      throw GPT2Error(.notGPT2, "the \(name) is missing")
    }
  }
}
