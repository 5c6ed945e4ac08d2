/// An opened model file: the header is read and verified, the payloads are mapped.
///
/// Opening touches only the header, so it takes the same time for every size of model; `verifyPayload` reads
/// everything.
package final class ModelFile: Sendable {
  let header: ModelFileHeader
  let tokenizer: [UInt8]
  private let file: MappedFile
  private let index: [String: ModelFileHeader.Entry]

  package init(path: String) throws(GPT2Error) {
    file = try MappedFile(path: path)
    do {
      header = try Self.readHeader(file.bytes)
      try Self.validate(header, fileLength: file.count)
    } catch {
      throw GPT2Error(error.code, "\(path): \(error.message)")
    }
    let entries = header.tensors.map { ($0.label, $0) }
    index = Dictionary(entries, uniquingKeysWith: { first, _ in first })
    let blob = header.tokenizer
    tokenizer = file.withBytes { [UInt8]($0[blob.offset..<blob.offset + blob.size]) }
  }

  /// A copy of a payload.
  func bytes(of entry: ModelFileHeader.Entry) -> [UInt8] {
    file.withBytes { [UInt8]($0[entry.offset..<entry.offset + entry.size]) }
  }

  /// The version of the format that this program writes and reads.
  package static var version: UInt32 { ModelFileHeader.version }

  /// Whether the file begins like a model file; whether it is a sound one, only opening it tells.
  package static func isModelFile(_ path: String) -> Bool {
    guard let file = try? MappedFile(path: path) else { return false }
    return file.withBytes { $0.starts(with: ModelFileHeader.magic) }
  }

  /// The payload; valid as long as this object.
  func pointer(to tensor: StoredTensor) throws(GPT2Error) -> UnsafeRawPointer {
    guard let entry = index[tensor.label], let base = file.bytes.baseAddress else {
      throw GPT2Error(.corruptFile, "\(file.path): the tensor \(tensor.label) is missing")
    }
    return base + entry.offset
  }

  /// Reads every payload and compares it with its checksum.
  package func verifyPayload() throws(GPT2Error) {
    for entry in header.tensors + [header.tokenizer] {
      let checksum = file.withBytes {
        KernelLayout.checksum(UnsafeRawBufferPointer(rebasing: $0[entry.offset..<entry.offset + entry.size]))
      }
      guard checksum == entry.checksum else {
        throw GPT2Error(
          .corruptFile,
          "\(file.path): the tensor \(entry.label) is damaged (its checksum is wrong); "
            + "convert the checkpoint again")
      }
    }
  }

  private static func readHeader(_ bytes: UnsafeRawBufferPointer) throws(GPT2Error) -> ModelFileHeader {
    guard bytes.starts(with: ModelFileHeader.magic) else {
      throw GPT2Error(.unsupportedFormat, "this is not a .gpt2 model file; make one with `gpt2 convert`")
    }
    let prefixLength = ModelFileHeader.prefixLength
    guard bytes.count >= prefixLength else {
      throw GPT2Error(.corruptFile, "the file ends within its first \(prefixLength) bytes; convert again")
    }
    var prefix = HeaderReader(UnsafeRawBufferPointer(rebasing: bytes[8..<prefixLength]))
    let version = try prefix.u32()
    let byteOrder = try prefix.u32()
    guard byteOrder == ModelFileHeader.byteOrderMark else {
      throw GPT2Error(
        .unsupportedFormat,
        "the file was written in another byte order; convert the checkpoint again on this kind of machine")
    }
    guard version == ModelFileHeader.version else {
      throw GPT2Error(
        .unsupportedFormat,
        "the file has format version \(version), this program reads version \(ModelFileHeader.version); "
          + "convert the checkpoint again")
    }
    let fileLength = try prefix.u64()
    let blockLength = try prefix.u64()
    let blockChecksum = try prefix.u64()
    let prefixChecksum = try prefix.u64()
    guard KernelLayout.checksum(UnsafeRawBufferPointer(rebasing: bytes[0..<40])) == prefixChecksum else {
      throw GPT2Error(.corruptFile, "the first bytes are damaged; convert the checkpoint again")
    }
    guard fileLength == UInt64(bytes.count) else {
      throw GPT2Error(
        .corruptFile,
        "the file has \(bytes.count) bytes where \(fileLength) were written; copy it or convert again")
    }
    guard blockLength <= ModelFileHeader.maxBlockLength, Int(blockLength) <= bytes.count - prefixLength else {
      throw GPT2Error(.corruptFile, "the header's length is \(blockLength); convert the checkpoint again")
    }
    let block = UnsafeRawBufferPointer(rebasing: bytes[prefixLength..<prefixLength + Int(blockLength)])
    guard KernelLayout.checksum(block) == blockChecksum else {
      throw GPT2Error(.corruptFile, "the header is damaged; convert the checkpoint again")
    }
    return try ModelFileHeader(block: block)
  }

  /// Checks that the payloads are those of the header's model and lie within the file.
  private static func validate(_ header: ModelFileHeader, fileLength: Int) throws(GPT2Error) {
    try header.config.validate()
    if case .classifier(let labels, _) = header.head, labels.isEmpty {
      throw GPT2Error(.corruptFile, "the classifier has no labels")
    }
    let expected = header.modelTensors.flatMap { header.payloads(of: $0) }
    guard expected.count == header.tensors.count else {
      throw GPT2Error(
        .corruptFile, "the file has \(header.tensors.count) tensors where its model has \(expected.count)")
    }
    for (wanted, entry) in zip(expected, header.tensors) {
      guard entry.label == wanted.tensor.label, entry.part == wanted.tensor.part.rawValue,
        entry.size == wanted.size
      else {
        throw GPT2Error(
          .corruptFile,
          "the tensor \(wanted.tensor.label) of \(wanted.size) bytes is missing; "
            + "\(entry.label) is in its place")
      }
    }
    for entry in header.tensors + [header.tokenizer] {
      guard entry.offset % ModelFileHeader.alignment == 0, entry.offset >= 0, entry.size >= 0,
        entry.offset <= fileLength, entry.size <= fileLength - entry.offset
      else {
        throw GPT2Error(.corruptFile, "the tensor \(entry.label) lies outside the file")
      }
    }
  }
}
