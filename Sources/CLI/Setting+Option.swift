import ArgumentParser
import GPT2

extension Setting {
  /// The option of the same words.
  var option: String { "--" + String(rawValue.lowercased().map { $0 == "_" ? "-" : $0 }) }

  /// All its names and its option, for messages.
  var namesAndOption: String { "\(names) (\(option))" }

  /// What a shell offers as the value of the option.
  var completion: CompletionKind? {
    switch self {
    case .ckptPath, .spamCkptPath, .gotCkptPath: .file(extensions: CheckpointFiles.extensions)
    case .redisPasswordFile, .apiKeysFile: .file()
    case .modelsDir, .modelCacheDir: .directory
    case .redisChecks: .list(["warn", "require", "off"])
    case .modelName: .list(GPT2Config.sizes.map(\.name))
    case .quantize: .list(Quantization.allCases.map(\.rawValue))
    case .activation: .list(GPT2Config.Activation.allCases.map(\.rawValue))
    case .padTo: .list(["none", "context"])
    case .threads: .list(["auto"])
    case .kvCacheType: .list(["auto", "f16", "int8", "f32"])
    case .speculate: .list(["true", "false"])
    case .logLevel: .list(["trace", "debug", "info", "notice", "warning", "error", "critical"])
    case .logFormat: .list(["auto", "json", "text"])
    default: nil
    }
  }
}

/// The files that a model can be in.
enum CheckpointFiles {
  static let extensions = ["gpt2", "pth", "pt", "bin", "safetensors"]
}
