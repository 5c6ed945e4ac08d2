import Foundation
import GPT2

/// Weights that follow from a seed, heavy-tailed like those of trained models; Tools/make_model_fixtures.py
/// makes the same ones.
struct SyntheticModel: WeightSource {
  var config: GPT2Config
  var head: ModelHead
  var seed: UInt64

  func values(of tensor: ModelTensor) throws(GPT2Error) -> [Float] {
    let shape = tensor.shape(in: config, head: head)
    let label = Self.label(tensor)
    let values = Self.heavyTailed(seed: seed, label: label, count: shape.reduce(1, *))
    if label.hasSuffix("norm1Weight") || label.hasSuffix("norm2Weight") || label == "finalNormWeight" {
      return values.map { Float(1 + $0 / 32) }
    }
    if label == "headWeight" || label.hasSuffix("Embedding") { return values.map { Float($0 / 64) } }
    if shape.count == 2 {
      let scale = 16 * exp2((log2(Double(shape[1]).squareRoot())).rounded(.down))
      return values.map { Float($0 / scale) }
    }
    return values.map { Float($0 / 16) }
  }

  /// v / (1 - 0.99|v|) for uniform v in (-1, 1), from splitmix64.
  static func heavyTailed(seed: UInt64, label: String, count: Int) -> [Double] {
    let start =
      label.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } ^ seed
    return (1...UInt64(count)).map { index in
      var z = start &+ index &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      let v = Double(z >> 40) / 8_388_608 - 1
      return v / (1 - 0.99 * abs(v))
    }
  }

  private static func label(_ tensor: ModelTensor) -> String {
    switch tensor {
    case .tokenEmbedding: "tokenEmbedding"
    case .positionEmbedding: "positionEmbedding"
    case .block(let layer, let block): "block.\(layer).\(block.rawValue)"
    case .finalNormWeight: "finalNormWeight"
    case .finalNormBias: "finalNormBias"
    case .headWeight: "headWeight"
    case .headBias: "headBias"
    }
  }
}

/// Where a test keeps its files; gone with this object.
final class TemporaryDirectory {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "gpt2-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}

/// The source as a model of this quantization, by way of a file. The file is gone when this returns; the
/// mapping keeps it alive.
func makeModel(
  _ source: some WeightSource, _ quantization: Quantization, metadata: ModelMetadata = .init()
) throws -> Model {
  let directory = try TemporaryDirectory()
  let path = directory.path("model.gpt2")
  try ModelFileWriter.write(
    source: source, quantization: quantization, tokenizer: [], metadata: metadata, to: path)
  return try Model.load(path: path)
}

/// The levels that this machine can run.
let availableLevels = KernelLevel.allCases.filter(\.isAvailable)

/// A transformer whose K/V memory is cut into slots, one a sequence.
extension Transformer {
  convenience init(
    model: Model, maxRows: Int, maxSequences: Int, maxContext: Int, threads: Int, level: KernelLevel? = nil,
    cache: KVMemory.Precision? = nil
  ) throws {
    try self.init(
      model: model,
      Measures(
        rows: maxRows, segments: maxSequences, context: maxContext, pages: maxSequences * Segment.slotPages,
        threads: threads, cache: cache), level: level)
  }

  func logits(segment: Int = 0, row: Int = 0) -> [Float] { Array(unsafeLogits(segment: segment, row: row)) }

  /// Runs one sequence in slot 0 and returns the logits at every position.
  func allLogits(of tokens: [Int32]) throws -> [[Float]] {
    try step([Segment(slot: 0, tokens: tokens, position: 0, wantsLogits: .all)])
    return tokens.indices.map { logits(row: $0) }
  }
}

extension Transformer.Segment {
  /// Room for 128 tokens.
  static let slotPages = 8

  init(slot: Int, tokens: [Int32], position: Int, wantsLogits: Transformer.Logits = .last) {
    let first = Int32(slot * Self.slotPages)
    let count = Int32(KVMemory.pages(for: max(1, position + tokens.count)))
    self.init(
      tokens: tokens, position: position, pages: Array(first..<first + count), wantsLogits: wantsLogits)
  }
}

func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
}

/// The lowest index among the largest values.
func greedyToken(_ logits: [Float]) -> Int32 {
  Int32(logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) } ?? 0)
}
