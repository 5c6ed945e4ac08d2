import FoundationEssentials
import GPT2
import Testing

@testable import CLI

@Suite struct RandomWeightsTests {
  private static let config = GPT2Config(
    vocabularySize: 3000, contextLength: 96, width: 256, layers: 2, heads: 4)
  private let source = RandomWeights(config: Self.config, seed: 7)

  /// Computed apart from this code, in Python.
  @Test func aSeedGivesTheseBitsOnEveryMachine() throws {
    let weights = try source.values(of: .block(1, .mlpInputWeight)).prefix(4).map(\.bitPattern)
    #expect(weights == [0xBC0D_A86A, 0xBC1E_D06C, 0xBCD7_C1E9, 0x3D16_494B])
    let tokens = try source.values(of: .tokenEmbedding).prefix(4).map(\.bitPattern)
    #expect(tokens == [0x3DDC_F9B0, 0xBCFB_3C51, 0x3E11_46C5, 0x3D3F_169B])
  }

  @Test func anotherSeedAndAnotherTensorHaveOtherWeights() throws {
    let first = try source.values(of: .block(0, .mlpInputWeight))
    #expect(try RandomWeights(config: Self.config, seed: 8).values(of: .block(0, .mlpInputWeight)) != first)
    #expect(try source.values(of: .block(1, .mlpInputWeight)) != first)
  }

  /// Student's t of 4 degrees of freedom: half of it lies within 0.741, 1 of 1000 beyond 8.61, both in units of
  /// 1/√2 standard deviations.
  @Test func theWeightsHaveTheTailsOfTrainedOnes() throws {
    let sizes = try source.values(of: .block(0, .mlpInputWeight)).map { Double($0.magnitude) / 0.02 }.sorted()
    let unit = 0.5.squareRoot()
    #expect(abs(sizes[sizes.count / 2] - 0.741 * unit) < 0.01)
    #expect(abs(sizes[sizes.count * 999 / 1000] - 8.61 * unit) < 0.5)
    let greatest = try #require(sizes.last)
    #expect((15...49.01).contains(greatest))
    let projection = try source.values(of: .block(0, .mlpOutputWeight)).map { Double($0.magnitude) }.sorted()
    #expect(abs(projection[projection.count / 2] - 0.01 * 0.741 * unit) < 0.0002)
  }

  @Test func someChannelsHaveLargeGainsAndTheSameOnesInAllBlocks() throws {
    func large(_ tensor: ModelTensor.Block, _ layer: Int) throws -> [Int] {
      let gains = try source.values(of: .block(layer, tensor))
      return gains.indices.filter { gains[$0] > 2.5 }
    }
    let channels = try large(.norm1Weight, 0)
    #expect(!channels.isEmpty)
    for layer in 0..<2 {
      #expect(try Set(large(.norm1Weight, layer)).isSuperset(of: channels))
      #expect(try Set(large(.norm2Weight, layer)).isSuperset(of: channels))
    }
  }

  @Test func theCheckpointOfASeedIsTheSameModel() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "gpt2-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = directory.appending(path: "model.pth").path
    try StateDictWriter.write(source: source, to: path)
    let checkpoint = try GPT2Checkpoint(path: path)
    #expect(checkpoint.config == Self.config)
    #expect(checkpoint.head == source.head)
    var tensors: [ModelTensor] = [.tokenEmbedding, .positionEmbedding, .finalNormWeight, .finalNormBias]
    for layer in 0..<Self.config.layers {
      tensors += ModelTensor.Block.allCases.map { .block(layer, $0) }
    }
    for tensor in tensors {
      #expect(try checkpoint.values(of: tensor) == source.values(of: tensor), "\(tensor)")
    }
  }

  @Test func itWritesTextThatIsNotOneTokenAgainAndAgain() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "gpt2-\(UUID().uuidString).gpt2").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ModelFileWriter.write(
      source: source, quantization: .f32, tokenizer: [], metadata: ModelMetadata(), to: path)
    let engine = try Engine(model: try Model.load(path: path))
    let logits = try await engine.logits(after: [1, 2, 3, 4, 5, 6, 7, 8]).map(Double.init)
    let mean = logits.reduce(0, +) / Double(logits.count)
    let spread = (logits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(logits.count)).squareRoot()
    #expect((1...5).contains(spread))

    var tokens: [Int32] = []
    for try await event in try engine.generate(
      GenerationRequest(
        prompt: [1, 2, 3], maxNewTokens: 60, sampling: .init(temperature: 0), ignoresEndOfText: true))
    {
      if case .token(let id, _, _) = event { tokens.append(id) }
    }
    #expect(Set(tokens).count > 15)
  }

  @Test func theNamedSizesAreThoseOfTheModels() throws {
    #expect(try GPT2Config.named("gpt2").layers == 12)
    let largest = try GPT2Config.named("gpt2-xl")
    #expect((largest.layers, largest.width, largest.heads) == (48, 1600, 25))
    for size in GPT2Config.sizes { try size.config.validate() }
    #expect(throws: GPT2Error.self) { try GPT2Config.named("gpt4") }
  }
}
