/// Everything in a model file but the payloads, and how it is written.
///
/// A file is a prefix of 64 bytes, the header's block, and the payloads, each at a multiple of 64 bytes. The
/// prefix:
///
/// | offset | |
/// |---|---|
/// | 0 | magic: 89 47 50 54 32 0D 0A 1A |
/// | 8 | u32 format version |
/// | 12 | u32 0x01020304 in the byte order of the file |
/// | 16 | u64 length of the file |
/// | 24 | u64 length of the header's block, from byte 64 |
/// | 32 | u64 XXH64 of the block |
/// | 40 | u64 XXH64 of bytes 0 to 39 |
struct ModelFileHeader: Equatable {
  /// Where a payload lies.
  struct Entry: Equatable {
    var label: String
    var part: UInt8
    var offset: Int
    var size: Int
    /// XXH64 of the payload.
    var checksum: UInt64
  }

  static let magic: [UInt8] = [0x89, 0x47, 0x50, 0x54, 0x32, 0x0D, 0x0A, 0x1A]
  static let version: UInt32 = 2
  static let byteOrderMark: UInt32 = 0x0102_0304
  static let prefixLength = 64
  static let alignment = 64
  /// Far above what any model needs; a damaged length must not become an allocation.
  static let maxBlockLength = 1 << 26
  static let tokenizerLabel = "tokenizer"

  var config: GPT2Config
  var head: ModelHead
  var quantization: Quantization
  var metadata: ModelMetadata
  var tensors: [Entry] = []
  /// The tokenizer's payload.
  var tokenizer = Entry(label: Self.tokenizerLabel, part: 0, offset: 0, size: 0, checksum: 0)
}

extension ModelFileHeader {
  /// The block; its length does not depend on offsets, sizes or checksums.
  func encodedBlock() -> [UInt8] {
    var writer = HeaderWriter()
    for value in [
      config.vocabularySize, config.contextLength, config.width, config.layers, config.heads,
      config.innerWidth,
    ] {
      writer.write(UInt64(value))
    }
    writer.write(config.layerNormEpsilon.bitPattern)
    writer.write(config.activation.rawValue)
    switch head {
    case .languageModel(let tied):
      writer.write(UInt32(tied ? 0 : 1))
    case .classifier(let labels, let bias):
      writer.write(UInt32(bias ? 3 : 2))
      writer.write(labels)
    }
    writer.write(quantization.rawValue)
    writer.write(metadata)
    writer.write(UInt32(tensors.count))
    for entry in tensors { writer.write(entry) }
    writer.write(tokenizer)
    return writer.bytes
  }

  init(block: UnsafeRawBufferPointer) throws(GPT2Error) {
    var reader = HeaderReader(block)
    config = GPT2Config(
      vocabularySize: try reader.int(), contextLength: try reader.int(), width: try reader.int(),
      layers: try reader.int(), heads: try reader.int(), innerWidth: try reader.int(),
      layerNormEpsilon: Float(bitPattern: try reader.u32()), activation: try reader.choice("activation"))
    switch try reader.u32() {
    case 0: head = .languageModel(tied: true)
    case 1: head = .languageModel(tied: false)
    case 2: head = .classifier(labels: try reader.strings(), bias: false)
    case 3: head = .classifier(labels: try reader.strings(), bias: true)
    case let other: throw GPT2Error(.corruptFile, "the header names a head of kind \(other)")
    }
    quantization = try reader.choice("quantization")
    metadata = try reader.metadata()
    tensors = []
    for _ in 0..<(try reader.count()) { tensors.append(try reader.entry()) }
    tokenizer = try reader.entry()
  }

  /// The prefix for this block and a file of this length.
  static func encodedPrefix(block: [UInt8], fileLength: Int) -> [UInt8] {
    var writer = HeaderWriter()
    writer.bytes = magic
    writer.write(version)
    writer.write(byteOrderMark)
    writer.write(UInt64(fileLength))
    writer.write(UInt64(block.count))
    writer.write(block.withUnsafeBytes(KernelLayout.checksum))
    writer.write(writer.bytes.withUnsafeBytes(KernelLayout.checksum))
    writer.bytes += [UInt8](repeating: 0, count: prefixLength - writer.bytes.count)
    return writer.bytes
  }
}

extension HeaderWriter {
  fileprivate mutating func write(_ entry: ModelFileHeader.Entry) {
    write(entry.label)
    write(UInt32(entry.part))
    write(UInt64(entry.offset))
    write(UInt64(entry.size))
    write(entry.checksum)
  }

  fileprivate mutating func write(_ metadata: ModelMetadata) {
    write(metadata.name)
    write(metadata.source)
    switch metadata.padding {
    case .none: write(UInt64(0))
    case .context: write(UInt64.max)
    case .length(let length): write(UInt64(length))
    }
    write(UInt32(bitPattern: metadata.padToken))
    write(UInt32(bitPattern: metadata.endOfText ?? -1))
  }
}

extension HeaderReader {
  fileprivate mutating func entry() throws(GPT2Error) -> ModelFileHeader.Entry {
    ModelFileHeader.Entry(
      label: try string(), part: UInt8(truncatingIfNeeded: try u32()), offset: try int(), size: try int(),
      checksum: try u64())
  }

  fileprivate mutating func metadata() throws(GPT2Error) -> ModelMetadata {
    var metadata = ModelMetadata(name: try string(), source: try string())
    switch try u64() {
    case 0: metadata.padding = .none
    case .max: metadata.padding = .context
    case let length where length <= 1 << 20: metadata.padding = .length(Int(length))
    case let length: throw GPT2Error(.corruptFile, "the header pads to \(length) tokens")
    }
    metadata.padToken = Int32(bitPattern: try u32())
    let endOfText = Int32(bitPattern: try u32())
    metadata.endOfText = endOfText < 0 ? nil : endOfText
    return metadata
  }

  fileprivate mutating func choice<Value: RawRepresentable<String>>(
    _ name: String
  ) throws(GPT2Error) -> Value {
    let text = try string()
    guard let value = Value(rawValue: text) else {
      throw GPT2Error(
        .unsupportedFormat,
        "\(name) '\(text)' is not known to this version of the program; convert the checkpoint again with it")
    }
    return value
  }
}
