import Foundation
import GPT2
import Testing

struct ModelFileTests {
  static let source = SyntheticModel(
    config: GPT2Config(
      vocabularySize: 40, contextLength: 12, width: 20, layers: 1, heads: 2, innerWidth: 50,
      layerNormEpsilon: 2e-5, activation: .geluErf),
    head: .classifier(labels: ["not spam", "spam"], bias: true), seed: 7)
  static let metadata = ModelMetadata(
    name: "tiny", source: "a test", padding: .length(9), padToken: 3, endOfText: nil)

  let directory: TemporaryDirectory
  let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("model.gpt2")
  }

  private func write(_ quantization: Quantization = .int8, tokenizer: [UInt8] = [1, 2, 3]) throws {
    try ModelFileWriter.write(
      source: Self.source, quantization: quantization, tokenizer: tokenizer, metadata: Self.metadata, to: path
    )
  }

  private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: path)) }

  @Test(arguments: Quantization.allCases)
  func everythingComesBack(_ quantization: Quantization) throws {
    let tokenizer = (0..<5001).map { UInt8(truncatingIfNeeded: $0) }
    try write(quantization, tokenizer: tokenizer)
    let model = try Model.load(path: path, verifyingPayload: true)
    #expect(model.config == Self.source.config)
    #expect(model.head == Self.source.head)
    #expect(model.quantization == quantization)
    #expect(model.metadata == Self.metadata)
    #expect(model.tokenizer == tokenizer)
    #expect(ModelFile.isModelFile(path))
  }

  @Test(arguments: [ModelMetadata.Padding.none, .context, .length(120)], [nil, 50256] as [Int32?])
  func metadataComesBack(_ padding: ModelMetadata.Padding, _ endOfText: Int32?) throws {
    let metadata = ModelMetadata(padding: padding, endOfText: endOfText)
    #expect(try makeModel(Self.source, .int8, metadata: metadata).metadata == metadata)
  }

  @Test func int8TakesAQuarterOfF32() throws {
    let source = SyntheticModel(
      config: GPT2Config(vocabularySize: 256, contextLength: 8, width: 128, layers: 2, heads: 2),
      head: .languageModel(tied: true), seed: 1)
    let f32 = try makeModel(source, .f32).weightsBytes
    let int8 = try makeModel(source, .int8).weightsBytes
    #expect(Double(int8) < 0.3 * Double(f32))
  }

  @Test func theContentsAreListed() throws {
    try write()
    let payloads = try ModelFile(path: path).payloads
    #expect(payloads.count == 2 + 1 + 1 + 4 * 3 + 8 + 2 + 2)
    let embedding = try #require(payloads.first)
    #expect(embedding.name == "tokenEmbedding")
    #expect(embedding.dtype == "torch.int8")
    #expect(embedding.shape == [40, 20])
    #expect(embedding.bytes().count == 64 + 64 * 64)
    #expect(payloads.contains { $0.name == "block.0.mlpInputWeight.scales" && $0.shape == [50] })
    #expect(
      payloads.contains { $0.name == "headWeight" && $0.dtype == "torch.float32" && $0.shape == [2, 20] })
  }

  @Test func progressRisesToOne() throws {
    var parts: [Double] = []
    try ModelFileWriter.write(
      source: Self.source, quantization: .int8, tokenizer: [], metadata: .init(), to: path,
      progress: { parts.append($0) })
    #expect(parts == parts.sorted())
    #expect(parts.last == 1)
    #expect(parts.count > 10)
  }

  @Test func aTruncatedFileIsRefusedAtEveryLength() throws {
    try write()
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
    for length in Array(1..<200) + Array(stride(from: 200, to: bytes.count, by: 997)) + [bytes.count - 1] {
      try write(Array(bytes[..<length]))
      let error = #expect(throws: GPT2Error.self) { _ = try Model.load(path: path) }
      #expect(error?.code == (length < 8 ? .unsupportedFormat : .corruptFile), "\(length)")
      #expect(error?.message.contains(path) == true)
    }
  }

  @Test func aFlippedBitInTheHeaderIsFoundAtOpening() throws {
    try write()
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
    let blockLength = bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 24, as: UInt64.self)) }
    for offset in Array(0..<48) + Array(64..<64 + blockLength) {
      var damaged = bytes
      damaged[offset] ^= 1 << UInt8(offset % 8)
      try write(damaged)
      #expect(throws: GPT2Error.self, "byte \(offset)") { _ = try Model.load(path: path) }
    }
  }

  @Test func aFlippedBitInAPayloadIsFoundWhenVerifying() throws {
    try write()
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
    var found = 0
    var offsets = 0
    for offset in stride(from: 4096, to: bytes.count, by: 61) {
      var damaged = bytes
      damaged[offset] ^= 0x10
      try write(damaged)
      _ = try Model.load(path: path)
      do {
        _ = try Model.load(path: path, verifyingPayload: true)
      } catch {
        #expect(error.code == .corruptFile)
        #expect(error.message.contains("damaged"))
        found += 1
      }
      offsets += 1
    }
    // Bytes between two payloads belong to none.
    #expect(Double(found) > 0.95 * Double(offsets))
  }

  @Test func otherVersionsAndByteOrdersSayWhatToDo() throws {
    try write()
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
    for (offset, text) in [(8, "version"), (12, "byte order")] {
      var other = bytes
      if offset == 8 { other[8] = 99 } else { other[12...15].reverse() }
      try write(other)
      let error = #expect(throws: GPT2Error.self) { _ = try Model.load(path: path) }
      #expect(error?.code == .unsupportedFormat)
      #expect(error?.message.contains(text) == true)
      #expect(error?.message.contains("convert the checkpoint again") == true)
    }
  }

  @Test func otherFilesAreRefused() throws {
    try Data("hello, I am a text".utf8).write(to: URL(filePath: path))
    #expect(!ModelFile.isModelFile(path))
    #expect(throws: GPT2Error.self) { _ = try Model.load(path: path) }
    let error = #expect(throws: GPT2Error.self) { _ = try Model.load(path: directory.path("missing")) }
    #expect(error?.code == .fileUnreadable)
  }

  /// Weights that a model can't have.
  struct BrokenSource: WeightSource {
    var config = ModelFileTests.source.config
    var head = ModelFileTests.source.head
    var damage: @Sendable ([Float]) -> [Float]

    func values(of tensor: ModelTensor) throws(GPT2Error) -> [Float] {
      let values = try ModelFileTests.source.values(of: tensor)
      return tensor == .headBias ? damage(values) : values
    }
  }

  @Test func aFailedConversionLeavesTheOldFileAndNothingElse() throws {
    try write()
    let before = try Data(contentsOf: URL(filePath: path))
    let sources = [
      BrokenSource { $0.map { _ in .nan } }, BrokenSource { $0.map { _ in .infinity } },
      BrokenSource { $0 + [1] },
    ]
    for source in sources {
      #expect(throws: GPT2Error.self) {
        try ModelFileWriter.write(
          source: source, quantization: .int8, tokenizer: [], metadata: .init(), to: path)
      }
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path) == ["model.gpt2"])
    let error = #expect(throws: GPT2Error.self) {
      try ModelFileWriter.write(
        source: Self.source, quantization: .int8, tokenizer: [], metadata: .init(),
        to: directory.path("no/such/folder/model.gpt2"))
    }
    #expect(error?.code == .fileUnreadable)
  }

  @Test func aRunningModelSurvivesItsFilesReplacement() throws {
    try write(.f32)
    let model = try Model.load(path: path)
    func run() throws -> [[Float]] {
      try Transformer(model: model, maxRows: 12, maxSequences: 1, maxContext: 12, threads: 1)
        .allLogits(of: [1, 2, 3])
    }
    let before = try run()
    try write(.int8)
    #expect(try run() == before)
    #expect(try Model.load(path: path).quantization == .int8)
  }
}
