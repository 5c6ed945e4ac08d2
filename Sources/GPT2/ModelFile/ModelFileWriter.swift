/// Writes a model in the form in which the kernels read it.
package enum ModelFileWriter {
  /// Quantizes and packs the source's weights into a `.gpt2` file, one tensor after the other. The file
  /// appears under its name only when it is complete. `progress` gets the part done, 0 to 1.
  package static func write(
    source: some WeightSource, quantization: Quantization, tokenizer: [UInt8], metadata: ModelMetadata,
    to path: String, progress: (Double) -> Void = { _ in }
  ) throws(GPT2Error) {
    try source.config.validate()
    var header = ModelFileHeader(
      config: source.config, head: source.head, quantization: quantization, metadata: metadata)
    layOut(&header, tokenizerSize: tokenizer.count)
    let fileLength = header.tokenizer.offset + header.tokenizer.size
    var file = try PendingFile(path: path)
    try file.setLength(fileLength)

    var next = 0
    let total = Double(max(1, fileLength))
    for name in header.modelTensors {
      let values = try source.values(of: name)
      try check(values, name, header)
      for payload in try Quantizer.pack(values, of: name, header: header) {
        header.tensors[next].checksum = try store(payload, at: header.tensors[next].offset, in: file)
        progress(Double(header.tensors[next].offset + payload.count) / total)
        next += 1
      }
    }
    header.tokenizer.checksum = try store(tokenizer, at: header.tokenizer.offset, in: file)
    let block = header.encodedBlock()
    _ = try store(block, at: ModelFileHeader.prefixLength, in: file)
    _ = try store(ModelFileHeader.encodedPrefix(block: block, fileLength: fileLength), at: 0, in: file)
    try file.publish()
    progress(1)
  }

  /// Gives every payload its place. The first one begins at a page.
  private static func layOut(_ header: inout ModelFileHeader, tokenizerSize: Int) {
    for name in header.modelTensors {
      for payload in header.payloads(of: name) {
        header.tensors.append(
          .init(
            label: payload.tensor.label, part: payload.tensor.part.rawValue, offset: 0, size: payload.size,
            checksum: 0))
      }
    }
    let page = 4096
    var offset = (ModelFileHeader.prefixLength + header.encodedBlock().count + page - 1) / page * page
    let alignment = ModelFileHeader.alignment
    for index in header.tensors.indices {
      header.tensors[index].offset = offset
      offset += (header.tensors[index].size + alignment - 1) / alignment * alignment
    }
    header.tokenizer.offset = offset
    header.tokenizer.size = tokenizerSize
  }

  private static func check(
    _ values: [Float], _ name: ModelTensor, _ header: ModelFileHeader
  ) throws(GPT2Error) {
    let shape = name.shape(in: header.config, head: header.head)
    let label = StoredTensor(name, .rows).label
    guard values.count == shape.reduce(1, *) else {
      throw GPT2Error(.notGPT2, "\(label) has \(values.count) values; its shape is \(shape)")
    }
    guard KernelLayout.allFinite(values) else {
      throw GPT2Error(.corruptFile, "\(label) holds values that are not finite")
    }
  }

  private static func store(
    _ bytes: [UInt8], at offset: Int, in file: borrowing PendingFile
  ) throws(GPT2Error) -> UInt64 {
    var failure: GPT2Error?
    let checksum = bytes.withUnsafeBytes { buffer in
      do throws(GPT2Error) {
        try file.write(buffer, at: offset)
      } catch {
        failure = error
      }
      return KernelLayout.checksum(buffer)
    }
    if let failure { throw failure }
    return checksum
  }
}
