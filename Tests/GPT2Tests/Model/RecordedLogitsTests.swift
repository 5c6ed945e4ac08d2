import Foundation
import GPT2
import Testing

/// Logits that PyTorch computed, see Tools/make_model_fixtures.py.
struct RecordedModel: Decodable, CustomTestStringConvertible {
  var name: String
  var v: Int
  var p: Int
  var e: Int
  var l: Int
  var h: Int
  var i: Int
  var gelu: String
  var head: String
  var labels: Int?
  var seed: UInt64
  var tokens: [Int32]
  var logits: Data

  var testDescription: String { name }

  static let all: [RecordedModel] = {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/Model/logits.json")
    do {
      return try JSONDecoder().decode([RecordedModel].self, from: Data(contentsOf: url))
    } catch {
      Issue.record("\(url.path): \(error)")
      return []
    }
  }()

  var source: SyntheticModel {
    let names = (0..<(labels ?? 0)).map { "label \($0)" }
    let head: ModelHead =
      switch self.head {
      case "tied": .languageModel(tied: true)
      case "untied": .languageModel(tied: false)
      case "classifier-bias": .classifier(labels: names, bias: true)
      default: .classifier(labels: names, bias: false)
      }
    return SyntheticModel(
      config: GPT2Config(
        vocabularySize: v, contextLength: p, width: e, layers: l, heads: h, innerWidth: i,
        activation: GPT2Config.Activation(rawValue: gelu) ?? .geluTanh),
      head: head, seed: seed)
  }

  /// The logits at a position.
  func logits(at position: Int) -> [Float] {
    let outputs = source.head.outputs(of: source.config)
    return (0..<outputs).map { output in
      logits.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: 4 * (position * outputs + output), as: Float.self)
      }
    }
  }

  func transformer(
    _ model: Model, level: KernelLevel? = nil, threads: Int = 1, rows: Int = 128, sequences: Int = 8
  ) throws -> Transformer {
    try Transformer(
      model: model, maxRows: rows, maxSequences: sequences, maxContext: p, threads: threads, level: level)
  }
}

struct RecordedLogitsTests {
  @Test(arguments: RecordedModel.all, availableLevels)
  func f32LogitsAreThoseOfPyTorchAtEveryPosition(_ record: RecordedModel, _ level: KernelLevel) throws {
    let transformer = try record.transformer(try makeModel(record.source, .f32), level: level)
    let logits = try transformer.allLogits(of: record.tokens)
    for (position, row) in logits.enumerated() {
      #expect(largestDifference(row, record.logits(at: position)) < 1e-4, "position \(position)")
    }
  }

  @Test(arguments: RecordedModel.all)
  func tokenByTokenGivesWhatTheWholePromptGives(_ record: RecordedModel) throws {
    for quantization in Quantization.allCases {
      let model = try makeModel(record.source, quantization)
      let whole = try record.transformer(model).allLogits(of: record.tokens)
      let stepwise = try record.transformer(model)
      for (position, token) in record.tokens.enumerated() {
        try stepwise.step([.init(slot: 3, tokens: [token], position: position)])
        #expect(stepwise.logits() == whole[position], "\(quantization) at \(position)")
      }
    }
  }

  /// ‖a − b‖ / ‖b‖ over all positions.
  static func relativeError(_ logits: [[Float]], _ expected: [[Float]]) -> Double {
    var error = 0.0
    var power = 0.0
    for (a, b) in zip(logits.joined(), expected.joined()) {
      error += Double((a - b) * (a - b))
      power += Double(b * b)
    }
    return (error / power).squareRoot()
  }

  @Test(arguments: RecordedModel.all, [(Quantization.int8, 0.03), (.int4, 0.25)])
  func quantizedLogitsStayCloseToPyTorchOnHeavyTailedWeights(
    _ record: RecordedModel, _ limit: (quantization: Quantization, error: Double)
  ) throws {
    let transformer = try record.transformer(try makeModel(record.source, limit.quantization))
    let logits = try transformer.allLogits(of: record.tokens)
    let error = Self.relativeError(logits, logits.indices.map { record.logits(at: $0) })
    #expect(error < limit.error, "\(limit.quantization)")
  }

  @Test(arguments: RecordedModel.all, [Quantization.int8, .int4])
  func quantizedLogitsOfEveryLevelAgreeUpToFloatRounding(
    _ record: RecordedModel, _ quantization: Quantization
  ) throws {
    let model = try makeModel(record.source, quantization)
    let reference = try record.transformer(model, level: .scalar).allLogits(of: record.tokens)
    for level in availableLevels {
      let logits = try record.transformer(model, level: level).allLogits(of: record.tokens)
      // A rounding difference can move an activation to the neighbouring of its 256 steps.
      #expect(Self.relativeError(logits, reference) < 0.01, "\(level)")
    }
  }
}
