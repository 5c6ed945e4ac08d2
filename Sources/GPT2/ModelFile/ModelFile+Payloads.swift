extension ModelFile {
  /// A payload as `gpt2 inspect` shows it.
  package struct Payload: Sendable {
    package let name: String
    /// The elements' type as PyTorch names it.
    package let dtype: String
    /// The tensor's own shape; the payload is padded and in the kernels' order.
    package let shape: [Int]
    private let file: ModelFile
    private let entry: ModelFileHeader.Entry

    fileprivate init(name: String, dtype: String, shape: [Int], file: ModelFile, entry: ModelFileHeader.Entry)
    {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.file = file
      self.entry = entry
    }

    /// As they lie in the file.
    package func bytes() -> [UInt8] { file.bytes(of: entry) }
  }

  /// Everything but the tokenizer, in the order of the file.
  package var payloads: [Payload] {
    let tensors = header.modelTensors.flatMap { name in
      header.payloads(of: name).map { (name, $0.tensor.part) }
    }
    return zip(tensors, header.tensors).map { tensor, entry in
      let (name, part) = tensor
      let shape = name.shape(in: header.config, head: header.head)
      let isMatrix = part == .weights || part == .rows
      return Payload(
        name: entry.label, dtype: dtype(of: part, in: name), shape: isMatrix ? shape : Array(shape.prefix(1)),
        file: self, entry: entry)
    }
  }

  private func dtype(of part: StoredTensor.Part, in name: ModelTensor) -> String {
    switch part {
    case .weights:
      switch header.storage(of: name) {
      case .int8: "torch.int8"
      case .int4: "torch.uint4"
      case .f32: "torch.float32"
      }
    case .scales, .sums, .vector, .rows: "torch.float32"
    }
  }
}
