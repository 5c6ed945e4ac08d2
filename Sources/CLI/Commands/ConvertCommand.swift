import ArgumentParser
import GPT2

/// `gpt2 convert`: any supported checkpoint to a model file, or a random model of a named size.
struct ConvertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Convert a checkpoint to a .gpt2 model file, which is mapped instead of read.",
    usage: """
      gpt2 convert <checkpoint> <output> [<options>]
      gpt2 convert --random <size> <output> [--seed <seed>] [<options>]
      """,
    discussion: """
      A checkpoint may be a .pth, .pt, .bin or .safetensors file, or a directory with config.json. With --random \
      the output may also be a .pth: a state dict with the names of Hugging Face's GPT2LMHeadModel, whose weights \
      are those of the .gpt2 of the same seed.
      """)

  @Option(
    help: ArgumentHelp(
      "Make a random model of this size instead: \(GPT2Config.sizes.map(\.name).joined(separator: ", ")).",
      valueName: "size"),
    completion: .list(GPT2Config.sizes.map(\.name)))
  var random: String?
  @Option(parsing: .unconditional, help: "The same seed gives the same random model.") var seed: UInt64 = 0
  @Argument(
    help: ArgumentHelp("The checkpoint, and the model file to write.", valueName: "path"),
    completion: .file(extensions: CheckpointFiles.extensions))
  var paths: [String] = []
  @OptionGroup(title: "Conversion") var conversion: ConversionOptions

  /// In `run`, since the value of a misspelt option looks like a path while the options are parsed.
  private func checkPaths() throws {
    if let random {
      let sizes = GPT2Config.sizes.map(\.name)
      guard sizes.contains(random) else {
        throw ValidationError("--random is \"\(random)\"; allowed are \(sizes.joined(separator: ", "))")
      }
      guard paths.count == 1 else {
        throw ValidationError("--random takes one path, that of the file to write; \(paths.count) were given")
      }
      return
    }
    guard paths.count == 2 else {
      throw ValidationError(
        "two paths are needed, the checkpoint's and that of the file to write; \(paths.count) were given")
    }
  }

  func run() async throws {
    try checkPaths()
    let settings = try Settings(conversion)
    var options = try ModelCatalog.conversionOptions(settings)
    options.name = settings.given(.modelName)
    if let random {
      try makeRandom(size: random, output: paths[0], options: options)
    } else {
      try convert(paths[0], to: paths[1], options: options)
    }
  }

  private func convert(_ input: String, to output: String, options: ModelCache.Options) throws {
    guard !ModelFile.isModelFile(input) else {
      throw FileFailure("\(input) is a model file already; only checkpoints are converted")
    }
    let bar = ProgressBar("converting \(input)")
    defer { bar.clear() }
    try ModelCache.convert(input, to: output, options: options) { event in
      switch event {
      case .note(let text):
        bar.clear()
        StandardError.write(text + "\n")
      case .progress(let part): bar.show(part)
      }
    }
  }

  private func makeRandom(size: String, output: String, options: ModelCache.Options) throws {
    let source = RandomWeights(config: try GPT2Config.named(size), seed: seed)
    let bar = ProgressBar("making \(output)")
    defer { bar.clear() }
    if output.hasSuffix(".pth") {
      guard conversion.quantize == nil else {
        throw ValidationError("--quantize is for a .gpt2 file; a .pth holds f32 weights")
      }
      return try StateDictWriter.write(source: source, to: output) { bar.show($0) }
    }
    guard output.hasSuffix(".gpt2") else {
      throw ValidationError("\"\(output)\" can't be written; allowed are names that end with .gpt2 or .pth")
    }
    let tokenizer = BPETokenizer.gpt2
    var metadata = ModelMetadata(name: options.name ?? size, source: "random weights, seed \(seed)")
    metadata.endOfText = tokenizer.endOfTextID
    metadata.padToken = tokenizer.endOfTextID ?? 0
    metadata.padding = options.padding ?? .none
    try ModelFileWriter.write(
      source: source, quantization: options.quantization, tokenizer: tokenizer.serialized(),
      metadata: metadata,
      to: output, progress: { bar.show($0) })
  }
}
