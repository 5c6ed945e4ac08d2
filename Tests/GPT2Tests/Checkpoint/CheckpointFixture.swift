import FoundationEssentials
import GPT2
import Testing

/// The files that Tools/make_checkpoint_fixtures.py wrote, and the one model that all of them hold.
struct CheckpointFixture {
  struct Expected: Decodable, Sendable {
    var heads: Int
    /// `tied`, `untied`, `score` or `spam`.
    var head: String
    var format: String
    var overrideHeads: Bool
    /// The Swift names of tensors that the file lacks.
    var without: [String]
    var labels: [String]?
    var activation: String?
  }

  struct Reference: Decodable {
    struct Tensor: Decodable {
      var name: String
      var shape: [Int]
    }
    var config: [String: Int]
    var tensors: [Tensor]
    var files: [String: Expected]
  }

  static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/Checkpoint").path

  static func path(_ name: String) -> String { "\(directory)/\(name)" }

  static func data(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: path(name))))
  }

  let reference: Reference
  let values: [String: [Float]]

  init() throws {
    reference = try JSONDecoder().decode(Reference.self, from: Data(Self.data("reference.json")))
    let bytes = try Self.data("reference.f32")
    var values: [String: [Float]] = [:]
    var position = 0
    for tensor in reference.tensors {
      let count = tensor.shape.reduce(1, *)
      values[tensor.name] = (0..<count).map { index in
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: (position + index) * 4, as: Float.self) }
      }
      position += count
    }
    self.values = values
  }

  /// The reference numbers of a tensor in a model with this head.
  func expected(_ tensor: ModelTensor, _ file: Expected) throws -> [Float] {
    var name: String
    switch tensor {
    case .tokenEmbedding: name = "tokenEmbedding"
    case .positionEmbedding: name = "positionEmbedding"
    case .finalNormWeight: name = "finalNormWeight"
    case .finalNormBias: name = "finalNormBias"
    case .block(let layer, let block): name = "\(layer).\(block.rawValue)"
    case .headBias: name = file.head == "spam" ? "spamBias" : ""
    case .headWeight:
      name = ["tied": "tokenEmbedding", "untied": "headWeight"][file.head] ?? "spamWeight"
    }
    if name.isEmpty { return [0, 0] }
    let values = try #require(values[name])
    let isAbsent = file.without.contains { name == $0 || name.hasSuffix(".\($0)") }
    return isAbsent ? values.map { _ in 0 } : values
  }

  static func allTensors(layers: Int) -> [ModelTensor] {
    [.tokenEmbedding, .positionEmbedding, .finalNormWeight, .finalNormBias, .headWeight]
      + (0..<layers).flatMap { layer in ModelTensor.Block.allCases.map { .block(layer, $0) } }
  }
}

/// A file that is deleted with this value's end.
final class TemporaryFile {
  let path: String

  init(_ bytes: [UInt8], name: String = "file") throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    path = directory.appending(path: name).path
    try Data(bytes).write(to: URL(filePath: path))
  }

  deinit {
    try? FileManager.default.removeItem(at: URL(filePath: path).deletingLastPathComponent())
  }
}

/// What the closure throws; nil if nothing.
func checkpointError<Value>(_ body: () throws -> Value) -> GPT2Error? {
  do {
    _ = try body()
    return nil
  } catch let error as GPT2Error {
    return error
  } catch {
    Issue.record(error, "no GPT2Error")
    return nil
  }
}

/// The error that opening these bytes as a checkpoint gives; nil if they are one.
func openingError(_ bytes: [UInt8], name: String = "file") throws -> GPT2Error? {
  let file = try TemporaryFile(bytes, name: name)
  return checkpointError { try CheckpointFile.open(path: file.path) }
}
