import Foundation
import GPT2
import Testing

/// minGPT's trained gpt-nano that sorts six letters out of A, B and C; it and its recorded activations lie
/// beside the checkout where the project's shared data does.
struct SortingModel: WeightSource {
  struct Tensor: Decodable {
    var shape: [Int]
    var data: Data

    var values: [Float] {
      data.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }
  }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../../shared/data/models/gpt-nano-sort").standardizedFileURL
  static var isHere: Bool {
    FileManager.default.fileExists(atPath: folder.appending(path: "model.json").path)
  }

  let config = GPT2Config(vocabularySize: 3, contextLength: 11, width: 48, layers: 3, heads: 3)
  let head = ModelHead.languageModel(tied: false)
  private let tensors: [String: Tensor]

  init() throws {
    tensors = try Self.tensors(in: "model.json")
  }

  /// Every tensor of a file; it also holds the model's settings, which are known.
  static func tensors(in file: String) throws -> [String: Tensor] {
    struct Entry: Decodable {
      var tensor: Tensor?
      init(from decoder: any Decoder) throws { tensor = try? Tensor(from: decoder) }
    }
    let data = try Data(contentsOf: folder.appending(path: file))
    return try JSONDecoder().decode([String: Entry].self, from: data).compactMapValues(\.tensor)
  }

  func values(of tensor: ModelTensor) throws(GPT2Error) -> [Float] {
    let name =
      switch tensor {
      case .tokenEmbedding: "transformer.wte.weight"
      case .positionEmbedding: "transformer.wpe.weight"
      case .finalNormWeight: "transformer.ln_f.weight"
      case .finalNormBias: "transformer.ln_f.bias"
      case .headWeight: "lm_head.weight"
      case .headBias: "lm_head.bias"
      case .block(let layer, let block): "transformer.h.\(layer).\(Self.name(of: block))"
      }
    guard let tensor = tensors[name] else { throw GPT2Error(.notGPT2, "no \(name)") }
    return tensor.values
  }

  private static func name(of tensor: ModelTensor.Block) -> String {
    switch tensor {
    case .norm1Weight: "ln_1.weight"
    case .norm1Bias: "ln_1.bias"
    case .norm2Weight: "ln_2.weight"
    case .norm2Bias: "ln_2.bias"
    case .attentionInputWeight: "attn.c_attn.weight"
    case .attentionInputBias: "attn.c_attn.bias"
    case .attentionOutputWeight: "attn.c_proj.weight"
    case .attentionOutputBias: "attn.c_proj.bias"
    case .mlpInputWeight: "mlp.c_fc.weight"
    case .mlpInputBias: "mlp.c_fc.bias"
    case .mlpOutputWeight: "mlp.c_proj.weight"
    case .mlpOutputBias: "mlp.c_proj.bias"
    }
  }
}

@Suite(.enabled(if: SortingModel.isHere, "shared/data/models/gpt-nano-sort is not beside the checkout"))
struct SortingModelTests {
  static func transformer(_ model: Model) throws -> Transformer {
    try Transformer(model: model, maxRows: 33, maxSequences: 3, maxContext: 11, threads: 1)
  }

  @Test(arguments: Quantization.allCases)
  func all729InputsAreSorted(_ quantization: Quantization) throws {
    let transformer = try Self.transformer(try makeModel(try SortingModel(), quantization))
    var sorted = 0
    for number in 0..<729 {
      let letters = (0..<6).map { Int32(number / Int(pow(3, Double($0))) % 3) }
      var output: [Int32] = []
      var next = letters
      var position = 0
      while output.count < 6 {
        try transformer.step([.init(slot: 0, tokens: next, position: position)])
        position += next.count
        next = [greedyToken(transformer.logits())]
        output += next
      }
      if output == letters.sorted() { sorted += 1 }
    }
    #expect(sorted == 729)
  }

  @Test func theActivationsAreThoseRecorded() throws {
    let recorded = try SortingModel.tensors(in: "t0-partials.json")
    let transformer = try Self.transformer(try makeModel(try SortingModel(), .f32))
    var seen: [Transformer.Activation: [Float]] = [:]
    transformer.observer = { seen[$0] = Array($1) }
    let ids = try #require(recorded["idx"]).values.map { Int32($0) }
    try transformer.step(
      (0..<3).map {
        .init(slot: $0, tokens: Array(ids[11 * $0..<11 * ($0 + 1)]), position: 0, wantsLogits: .all)
      })

    let names: [(String, Transformer.Activation)] = [
      ("x", .embedding), ("ln1", .norm1(0)), ("qkv", .qkv(0)), ("y", .attention(0)),
      ("attnResid", .attentionResidual(0)), ("ln2", .norm2(0)), ("gelu", .mlpInner(0)),
      ("mlpResid", .mlpResidual(0)), ("block0", .mlpResidual(0)), ("block1", .mlpResidual(1)),
      ("block2", .mlpResidual(2)), ("ln_f", .finalNorm),
    ]
    for (name, activation) in names {
      let expected = try #require(recorded[name]).values
      #expect(largestDifference(try #require(seen[activation]), expected) < 1e-4, "\(name)")
    }
    let logits = (0..<3).flatMap { segment in
      (0..<11).flatMap { transformer.logits(segment: segment, row: $0) }
    }
    #expect(largestDifference(logits, try #require(recorded["lm_head"]).values) < 1e-4)
  }
}
