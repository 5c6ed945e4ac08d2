/// Writes any model as a `.pth` with the names and the orientation of Hugging Face's `GPT2LMHeadModel`.
package enum StateDictWriter {
  /// The parts are written as they come from the source; `progress` gets the part done, 0 to 1.
  package static func write(
    source: some WeightSource, to path: String, progress: (Double) -> Void = { _ in }
  ) throws(GPT2Error) {
    let config = source.config
    guard case .languageModel(let tied) = source.head else {
      throw GPT2Error(.invalidArgument, "only language models are written as a state dict")
    }
    try config.validate()
    var file = try TorchWriter(path: path)
    let tensors = ModelFileHeader(
      config: config, head: source.head, quantization: .f32, metadata: ModelMetadata()
    ).modelTensors
    for (index, tensor) in tensors.enumerated() {
      var shape = tensor.shape(in: config, head: source.head)
      var values = try source.values(of: tensor)
      if case .block = tensor, shape.count == 2 {
        values = transposed(values, rows: shape[0], columns: shape[1])
        shape.reverse()
      }
      try file.add(name(of: tensor), shape: shape, values: values)
      progress(Double(index + 1) / Double(tensors.count))
    }
    if tied { try file.addAlias(name(of: .headWeight), of: name(of: .tokenEmbedding)) }
    try file.finish()
  }

  private static func name(of tensor: ModelTensor) -> String {
    if tensor == .headWeight { return "lm_head.weight" }
    for (pattern, meaning) in NameTable.huggingFace.names {
      let layer = if case .block(let layer, _) = tensor { layer } else { 0 }
      guard meaning.slot.tensor(layer: layer) == tensor else { continue }
      return NameTable.huggingFace.optionalPrefix + pattern.replacing("#", with: String(layer))
    }
    return StoredTensor(tensor, .rows).label
  }

  /// `Conv1D` has its weights as `[in, out]`.
  private static func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
      // Square tiles, so that neither side leaves the cache between two values of a line.
      let tile = 32
      for top in stride(from: 0, to: rows, by: tile) {
        for left in stride(from: 0, to: columns, by: tile) {
          for row in top..<min(top + tile, rows) {
            for column in left..<min(left + tile, columns) {
              buffer[column * rows + row] = values[row * columns + column]
            }
          }
        }
      }
      count = values.count
    }
  }
}
