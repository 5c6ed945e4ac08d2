import Foundation
import Testing

@testable import GPT2

/// What Hugging Face's logits processors made of logits, see Tools/make_sampling_vectors.py.
struct RecordedProcessors: Decodable, CustomTestStringConvertible {
  struct Setting: Decodable {
    var temperature, topP, minP, typicalP, repetitionPenalty: Float?
    var topK, minTokens: Int?
  }

  var setting: Setting
  var bias: [[Float]]
  var endOfText: Int32
  var prompt: [Int32]
  var new: [Int32]
  var processors: [String]
  var logits: Data
  var kept: [Int]
  var processed: Data

  var testDescription: String {
    "\(logits.count / 4) logits: " + (processors.isEmpty ? "none" : processors.joined(separator: ", "))
  }

  static let all: [RecordedProcessors] = {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/Sampling/processors.json")
    do {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode([RecordedProcessors].self, from: Data(contentsOf: url))
    } catch {
      Issue.record("\(url.path): \(error)")
      return []
    }
  }()

  var parameters: SamplingParameters {
    SamplingParameters(
      temperature: setting.temperature ?? 1, topK: setting.topK ?? 0, topP: setting.topP ?? 1,
      minP: setting.minP ?? 0, typicalP: setting.typicalP ?? 1,
      repetitionPenalty: setting.repetitionPenalty ?? 1,
      logitBias: Dictionary(uniqueKeysWithValues: bias.map { (Int32($0[0]), $0[1]) }))
  }

  static func floats(_ data: Data) -> [Float] {
    data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }
}

@Suite struct RecordedProcessorsTests {
  @Test(arguments: RecordedProcessors.all, availableLevels)
  func theAllowedTokensAndTheirLogitsAreThoseOfHuggingFace(
    _ record: RecordedProcessors, _ level: KernelLevel
  ) {
    let parameters = record.parameters
    var history = TokenHistory(prompt: record.prompt, parameters)
    for token in record.new { history?.append(token) }
    let isEarly = record.new.count < (record.setting.minTokens ?? 0)
    var logits = RecordedProcessors.floats(record.logits)
    let changes = LogitChanges(
      parameters, after: history, forbidding: isEarly ? record.endOfText : nil)
    logits.withUnsafeMutableBufferPointer { changes?.apply(to: $0) }

    var weights = [Float](repeating: .nan, count: logits.count)
    let kept = weights.withUnsafeMutableBufferPointer { weights in
      logits.withUnsafeBufferPointer { logits in
        let (_, cut) = Sampler(parameters, level: level).candidates(logits, weights: weights)
        return weights.indices.filter { cut.keeps(weights[$0], $0) }
      }
    }
    #expect(kept == record.kept)

    let expected = RecordedProcessors.floats(record.processed)
    #expect(largestDifference(record.kept.map { logits[$0] / parameters.temperature }, expected) < 1e-5)
    // A weight is e to the power of its logit, but for a factor that all have.
    let logWeights = kept.map { log(weights[$0] / weights[kept[0]]) }
    #expect(largestDifference(logWeights, expected.map { $0 - expected[0] }) < 5e-5)
  }

  @Test func everyProcessorIsRecorded() {
    let names = Set(RecordedProcessors.all.flatMap(\.processors))
    #expect(names.count == 8, "\(names)")
  }
}
