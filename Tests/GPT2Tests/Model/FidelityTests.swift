import Foundation
import Testing

@testable import GPT2

/// What PyTorch's 32-bit arithmetic makes of a text with the bundled language model, see
/// Tools/make_fidelity_fixture.py.
private struct Reference: Decodable {
  var sequences: Int
  var length: Int
  var tokens: Data
  var losses: Data
  var greedy: Data

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  static let courtly = folder.appending(path: "../../Models/courtly.gpt2").standardizedFileURL.path

  init() throws {
    self = try JSONDecoder().decode(
      Self.self, from: Data(contentsOf: Self.folder.appending(path: "Fixtures/Model/courtly-f32.json")))
  }

  func tokens(of sequence: Int) -> [Int32] { (0..<length).map { id(tokens, sequence * length + $0) } }

  /// The most likely token after position `position` of a sequence.
  func greedy(_ sequence: Int, _ position: Int) -> Int32 { id(greedy, sequence * (length - 1) + position) }

  var perplexity: Double {
    let count = losses.count / 4
    let sum = losses.withUnsafeBytes { bytes in
      (0..<count).reduce(0.0) { $0 + Double(bytes.loadUnaligned(fromByteOffset: 4 * $1, as: Float.self)) }
    }
    return exp(sum / Double(count))
  }

  private func id(_ data: Data, _ index: Int) -> Int32 {
    data.withUnsafeBytes { Int32($0.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) }
  }
}

/// A model's weights as they come out of its file again.
private struct Unpacked: WeightSource {
  let model: Model
  var config: GPT2Config { model.config }
  var head: ModelHead { model.head }

  func values(of tensor: ModelTensor) throws(GPT2Error) -> [Float] {
    let weights = model.weights
    let width = config.width
    func vector(_ pointer: UnsafePointer<Float>?, _ count: Int) -> [Float] {
      Array(UnsafeBufferPointer(start: pointer, count: count))
    }
    func rows(_ matrix: PackedMatrix) -> [Float] { (0..<matrix.outputs).flatMap { matrix.unpackRow($0) } }
    switch tensor {
    case .tokenEmbedding: return rows(weights.tokens)
    case .positionEmbedding: return vector(weights.positions, config.contextLength * width)
    case .finalNormWeight: return vector(weights.finalNorm.weight, width)
    case .finalNormBias: return vector(weights.finalNorm.bias, width)
    case .headWeight: return rows(weights.head)
    case .headBias: return vector(weights.head.bias, weights.head.outputs)
    case .block(let layer, let part):
      let block = weights.blocks[layer]
      switch part {
      case .norm1Weight: return vector(block.norm1.weight, width)
      case .norm1Bias: return vector(block.norm1.bias, width)
      case .norm2Weight: return vector(block.norm2.weight, width)
      case .norm2Bias: return vector(block.norm2.bias, width)
      case .attentionInputWeight: return rows(block.attentionInput)
      case .attentionInputBias: return vector(block.attentionInput.bias, 3 * width)
      case .attentionOutputWeight: return rows(block.attentionOutput)
      case .attentionOutputBias: return vector(block.attentionOutput.bias, width)
      case .mlpInputWeight: return rows(block.mlpInput)
      case .mlpInputBias: return vector(block.mlpInput.bias, config.innerWidth)
      case .mlpOutputWeight: return rows(block.mlpOutput)
      case .mlpOutputBias: return vector(block.mlpOutput.bias, width)
      }
    }
  }
}

/// The gates of quantization: what it may cost on a trained model, and on weights with heavy tails.
struct FidelityTests {
  /// The perplexity of the reference's text and the part of its most likely tokens that a model agrees on.
  private func measure(
    _ model: Model, on reference: Reference, cache: KVMemory.Precision? = nil
  ) throws -> (perplexity: Double, agreement: Double) {
    let transformer = try Transformer(
      model: model,
      .init(rows: 256, segments: 1, context: 256, pages: 16, threads: 2, cache: cache))
    var loss = 0.0
    var agreeing = 0
    for sequence in 0..<reference.sequences {
      let tokens = reference.tokens(of: sequence)
      try transformer.step([.init(tokens: tokens, position: 0, pages: Array(0..<16), wantsLogits: .all)])
      for position in 0..<tokens.count - 1 {
        let logits = transformer.logits(row: position)
        loss += negativeLogLikelihood(logits, Int(tokens[position + 1]))
        if greedyToken(logits) == reference.greedy(sequence, position) { agreeing += 1 }
      }
    }
    let count = Double(reference.sequences * (reference.length - 1))
    return (exp(loss / count), Double(agreeing) / count)
  }

  private func negativeLogLikelihood(_ logits: [Float], _ token: Int) -> Double {
    let greatest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - greatest) }
    return greatest + log(sum) - Double(logits[token])
  }

  @Test(arguments: [nil, KVMemory.Precision.int8])
  func int8LosesLessThanHalfAPercentOfTheTrainedModelsPerplexity(_ cache: KVMemory.Precision?) throws {
    let reference = try Reference()
    let (perplexity, agreement) = try measure(
      try Model.load(path: Reference.courtly), on: reference, cache: cache)
    #expect(abs(perplexity / reference.perplexity - 1) < 0.005, "\(perplexity) of \(reference.perplexity)")
    #expect(agreement > 0.98)
  }

  @Test func int4LosesLessThanFivePercentOfTheTrainedModelsPerplexity() throws {
    let reference = try Reference()
    let model = try makeModel(Unpacked(model: try Model.load(path: Reference.courtly)), .int4)
    let (perplexity, agreement) = try measure(model, on: reference)
    #expect(abs(perplexity / reference.perplexity - 1) < 0.05, "\(perplexity) of \(reference.perplexity)")
    #expect(agreement > 0.85)
  }
}
