import GPT2
import Glibc
import QueueWorker

/// Finds the model of each role as the settings name it, and maps or converts it.
struct ModelCatalog {
  private let settings: Settings
  private let cache: ModelCache
  private let options: ModelCache.Options
  /// Gets a line for the log or the terminal.
  private let note: (String) -> Void

  /// A model and how answers call it.
  struct Found {
    let model: Model
    let name: String
    let path: String
  }

  init(settings: Settings, note: @escaping (String) -> Void) throws(SettingsError) {
    self.settings = settings
    self.note = note
    self.options = try Self.conversionOptions(settings)
    self.cache = ModelCache(directory: settings.given(.modelCacheDir) ?? Self.defaultCacheDirectory)
  }

  func load(_ role: TaskDefinition.ModelRole) throws -> Found {
    let path = try path(of: role)
    let model = try load(path)
    // A bundled model has a name of its own; MODEL_NAME is that of the operator's model.
    let isNamed = role == .main && (settings.given(.modelName) != nil || path != (try? bundled(role)))
    return Found(
      model: model, name: isNamed ? settings.string(.modelName) : model.metadata.name, path: path)
  }

  /// Maps the model, after converting it if it is a checkpoint that was not seen before.
  func load(_ path: String) throws(GPT2Error) -> Model {
    let bar = ProgressBar("converting \(path)")
    defer { bar.clear() }
    let model = try cache.model(at: path, options: options) { event in
      switch event {
      case .note(let text):
        bar.clear()
        note(text)
      case .progress(let part): bar.show(part)
      }
    }
    if settings.given(.quantize) != nil, model.quantization != options.quantization {
      note(
        "\(path) is \(model.quantization.rawValue) and stays so: QUANTIZE=\(options.quantization.rawValue) is for "
          + "checkpoints that are still to be converted")
    }
    return model
  }

  func path(of role: TaskDefinition.ModelRole) throws -> String {
    switch role {
    case .main:
      if let path = settings.given(.ckptPath) { return path }
      return access("model.pth", R_OK) == 0 ? "model.pth" : try bundled(role)
    case .got: return try settings.given(.gotCkptPath) ?? bundled(role)
    case .spam: return try settings.given(.spamCkptPath) ?? bundled(role)
    }
  }

  /// How checkpoints are converted.
  static func conversionOptions(_ settings: Settings) throws(SettingsError) -> ModelCache.Options {
    var options = ModelCache.Options()
    options.quantization = try settings.choice(.quantize, of: Quantization.self)
    options.overrides.modelName = settings.given(.modelName).flatMap {
      CheckpointOverrides.isSize($0) ? $0 : nil
    }
    if settings.given(.nHead) != nil { options.overrides.heads = try settings.int(.nHead, in: 1...1024) }
    if settings.given(.activation) != nil {
      options.overrides.activation = try settings.choice(.activation, of: GPT2Config.Activation.self)
    }
    options.overrides.stateDictKey = settings.given(.stateDictKey)
    switch settings.string(.padTo) {
    case "none": options.padding = ModelMetadata.Padding.none
    case "context": options.padding = .context
    case let text:
      guard let length = Int(text), (1...1 << 20).contains(length) else {
        throw settings.error(
          "\(Setting.padTo.namesAndOption) is \"\(text)\"; allowed are none, context, and a number of tokens from 1"
        )
      }
      options.padding = .length(length)
    }
    return options
  }
}

// MARK: - Places

extension ModelCatalog {
  /// The file of a bundled model.
  private func bundled(_ role: TaskDefinition.ModelRole) throws -> String {
    let file = role == .spam ? "spam.gpt2" : "courtly.gpt2"
    let folders = settings.given(.modelsDir).map { [$0] } ?? Self.bundledFolders
    for folder in folders where access("\(folder)/\(file)", R_OK) == 0 { return "\(folder)/\(file)" }
    throw SettingsError(
      "the bundled model \(file) is in none of \(folders.joined(separator: ", ")); name its folder with MODELS_DIR, "
        + "or another model")
  }

  /// `Models` beside the program or above it, as in a checkout, and where an installation has it.
  private static var bundledFolders: [String] {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return ["Models"] }
    var parts = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .split(separator: "/")
    var folders: [String] = []
    for _ in 0..<5 where !parts.isEmpty {
      parts.removeLast()
      folders.append("/" + (parts + ["Models"]).joined(separator: "/"))
    }
    return folders
  }

  private static var defaultCacheDirectory: String {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    if let cache = variable("XDG_CACHE_HOME") { return cache + "/gpt2-service" }
    return (variable("HOME") ?? "/tmp") + "/.cache/gpt2-service"
  }
}
