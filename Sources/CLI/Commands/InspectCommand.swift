import ArgumentParser
import Crypto
import GPT2
import JobWire

/// `gpt2 inspect`: what is in a checkpoint or a model file.
struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "List the tensors of a checkpoint or a model file, and the model that it holds.")

  @Argument(
    help: "A .gpt2, .pth, .pt, .bin or .safetensors file, or a directory.",
    completion: .file(extensions: CheckpointFiles.extensions))
  var path: String
  @Flag(help: "Print JSON, with a SHA-256 of every tensor's row-major little-endian bytes.") var json = false
  @OptionGroup(visibility: .hidden) var conversion: ConversionOptions

  func run() async throws {
    let settings = try Settings(conversion)
    let inspection =
      ModelFile.isModelFile(path)
      ? try Inspection(modelFile: path)
      : try Inspection(checkpoint: path, overrides: ModelCatalog.conversionOptions(settings).overrides)
    StandardOutput.write(
      json ? String(decoding: try inspection.json().encoded, as: UTF8.self) + "\n" : inspection.text())
  }
}

/// What `inspect` found in a file.
private struct Inspection {
  struct Tensor {
    let name: String
    let dtype: String
    let shape: [Int]
    /// Throws if the tensor can't be read.
    let bytes: () throws -> [UInt8]
  }

  let format: String
  let config: GPT2Config?
  /// What the model is, or why the tensors are none.
  let notes: [String]
  let tensors: [Tensor]

  init(checkpoint path: String, overrides: CheckpointOverrides) throws {
    let file = try CheckpointFile.open(path: path)
    format = file.format
    tensors = file.tensors.map { tensor in
      Tensor(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape) { try tensor.bytes() }
    }
    do {
      let checkpoint = try GPT2Checkpoint(path: path, overrides: overrides)
      config = checkpoint.config
      notes = [checkpoint.format] + checkpoint.notes
    } catch {
      config = nil
      notes = ["no GPT-2 model: \(error)"]
    }
  }

  init(modelFile path: String) throws {
    let file = try ModelFile(path: path)
    try file.verifyPayload()
    let model = try Model.load(path: path)
    format = "gpt2"
    config = model.config
    notes = [
      "\(model.metadata.name), \(model.quantization.rawValue), from \(model.metadata.source)",
      "\(model.head)",
    ]
    tensors = file.payloads.map { payload in
      Tensor(name: payload.name, dtype: payload.dtype, shape: payload.shape) { payload.bytes() }
    }
  }

  func json() throws -> JSONValue {
    .fields([
      ("format", .string(format)),
      ("config", config.map(Self.json) ?? .null),
      (
        "tensors",
        .array(
          try tensors.map { tensor in
            let hash = SHA256.hash(data: try tensor.bytes())
            return .fields([
              ("name", .string(tensor.name)), ("dtype", .string(tensor.dtype)),
              ("shape", .array(tensor.shape.map { .integer(Int64($0)) })),
              ("sha256", .string(hash.map { hexadecimal($0) }.joined())),
            ])
          })
      ),
    ])
  }

  func text() -> String {
    var lines = ["format: \(format)"] + notes
    if let config {
      lines.append(
        "n_layer \(config.layers), n_head \(config.heads), n_embd \(config.width), n_inner \(config.innerWidth), "
          + "n_positions \(config.contextLength), vocab_size \(config.vocabularySize), "
          + "\(config.activation.rawValue)")
    }
    let width = tensors.map(\.name.count).max() ?? 0
    for tensor in tensors {
      let padding = String(repeating: " ", count: width - tensor.name.count)
      lines.append("\(tensor.name)\(padding)  \(tensor.dtype)  \(tensor.shape)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func json(_ config: GPT2Config) -> JSONValue {
    .fields([
      ("vocab_size", .integer(Int64(config.vocabularySize))),
      ("n_positions", .integer(Int64(config.contextLength))),
      ("n_embd", .integer(Int64(config.width))), ("n_layer", .integer(Int64(config.layers))),
      ("n_head", .integer(Int64(config.heads))), ("n_inner", .integer(Int64(config.innerWidth))),
      ("layer_norm_epsilon", .double(Double(config.layerNormEpsilon))),
      ("activation_function", .string(config.activation.rawValue)),
    ])
  }

  private func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
