import FoundationEssentials

/// Every tensor of a checkpoint, whatever its format: a file of `torch.save` or safetensors, or a
/// directory as Hugging Face writes it. Opening reads the names and places; the numbers are read when
/// asked for.
package struct CheckpointFile: Sendable {
  /// `torch-zip`, `torch-legacy` or `safetensors`.
  package let format: String
  /// Under their dotted paths, in the order of the file.
  package let tensors: [FileTensor]
  /// The files that were opened, one except for a model in several parts.
  package let paths: [String]

  /// Dictionaries beside the weights that may give the model's shape, best first.
  let settings: [ModelSettings]
  /// By the path of each pickled module tree.
  let modules: [String: ObjectWalk.ModuleFacts]
  /// Of safetensors: `__metadata__`.
  let metadata: [String: String]

  /// A checkpoint file, or a directory with `model.safetensors`, `pytorch_model.bin` or one other checkpoint.
  package static func open(path: String) throws(GPT2Error) -> CheckpointFile {
    guard CheckpointDirectory.isDirectory(path) else { return try CheckpointFile(file: path) }
    return try CheckpointDirectory(path: path).open()
  }

  /// The tensor of this name; throws `invalidArgument` if there is none.
  package func tensor(named name: String) throws(GPT2Error) -> FileTensor {
    guard let tensor = tensors.first(where: { $0.name == name }) else {
      throw GPT2Error(.invalidArgument, "no tensor is named \(name)")
    }
    return tensor
  }

  /// The tensor's elements in their own type, little-endian, row-major.
  package func bytes(of name: String) throws(GPT2Error) -> [UInt8] { try tensor(named: name).bytes() }

  /// The tensor's elements as f32, row-major.
  package func floats(of name: String) throws(GPT2Error) -> [Float] { try tensor(named: name).floats() }

  init(file path: String) throws(GPT2Error) {
    let file = try MappedFile(path: path)
    paths = [path]
    do throws(GPT2Error) {
      switch try FileKind(file) {
      case .safetensors:
        let contents = try Safetensors.open(file)
        format = "safetensors"
        tensors = contents.tensors
        metadata = contents.metadata
        settings = []
        modules = [:]
      case .torchArchive:
        let walk = try ObjectWalk(try TorchArchive.open(file))
        format = "torch-zip"
        tensors = walk.tensors
        settings = walk.rootSettings()
        modules = walk.modules
        metadata = [:]
      case .torchLegacy:
        let walk = try ObjectWalk(try TorchLegacy.open(file))
        format = "torch-legacy"
        tensors = walk.tensors
        settings = walk.rootSettings()
        modules = walk.modules
        metadata = [:]
      }
    } catch {
      throw error.inFile(path)
    }
  }

  /// The parts of one model; throws if two parts have a tensor of the same name.
  init(parts: [CheckpointFile]) throws(GPT2Error) {
    guard let first = parts.first else { throw GPT2Error(.corruptFile, "a model of no parts") }
    var names: Set<String> = []
    for part in parts {
      for tensor in part.tensors where !names.insert(tensor.name).inserted {
        throw GPT2Error(.corruptFile, "tensor \(tensor.name) is in two parts of the model")
      }
    }
    format = first.format
    tensors = parts.flatMap(\.tensors)
    paths = parts.flatMap(\.paths)
    settings = first.settings
    modules = first.modules
    metadata = first.metadata
  }
}
