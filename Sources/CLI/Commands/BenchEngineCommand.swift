import ArgumentParser
import GPT2
import JobWire
import QueueWorker

/// `gpt2 bench engine`: the speed of one model, without queue and gateway.
struct BenchEngineCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine", abstract: "Measure how fast a model computes prompts and makes tokens.",
    discussion: """
      Every figure is the median of several repetitions after one to warm up. Each repetition completes a batch of \
      prompts of random tokens that were never used before, greedily and past the end-of-text token. Prefill counts \
      the prompts' tokens until every sequence has its first new token; decode counts the new tokens while all \
      sequences run. The time to the first token begins with the start of a process, which is started for that, \
      with the model's file in the page cache. The limit is how fast this machine reads as many bytes as the model \
      has, on the same number of threads.
      """)

  @Option(parsing: .unconditional, help: "The tokens of each prompt.") var promptTokens = 16
  @Option(parsing: .unconditional, help: "The tokens that are added to each.") var newTokens = 128
  @Option(parsing: .unconditional, help: "Sequences that run at the same time.") var batch = 1
  @Option(parsing: .unconditional, help: "How often to measure.") var repetitions = 5
  @Option(help: "random, or repeat: prompts that repeat a phrase.") var text = BenchmarkPrompts.Text.random
  @Option(parsing: .unconditional, help: "Of the random prompts.") var seed: UInt64 = 0
  @Flag(help: "Let the engine propose tokens from the text itself.") var speculate = false
  @Flag(help: "Print JSON.") var json = false
  /// What `FirstTokenTimer` starts the program with.
  @Flag(help: .hidden) var onlyFirstToken = false
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Engine") var compute: ComputeOptions

  func validate() throws {
    for (name, value, range) in [
      ("--prompt-tokens", promptTokens, 1...1 << 20), ("--new-tokens", newTokens, 1...1 << 20),
      ("--batch", batch, 1...1024), ("--repetitions", repetitions, 1...1000),
    ] where !range.contains(value) {
      throw ValidationError(
        "\(name) is \(value); allowed is a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
  }

  func run() async throws {
    let settings = try Settings(model, compute)
    let configuration = try engineConfiguration(settings)
    if onlyFirstToken { return try await makeFirstToken(settings, configuration) }

    // Before the model is opened here: a conversion must not count as this process's memory.
    let bar = ProgressBar("measuring")
    bar.show(0)
    let timer = FirstTokenTimer(arguments: CommandLine.arguments.dropFirst() + ["--only-first-token"])
    let loadSeconds = try timer.measure()

    let found = try ModelCatalog(settings: settings) { _ in }.load(.main)
    let engine = try engine(of: found.model, configuration)
    let plan = EngineBenchmark.Plan(
      promptTokens: promptTokens, newTokens: newTokens, batch: batch, repetitions: repetitions, text: text,
      seed: seed)
    let rates = try await EngineBenchmark(engine: engine, plan: plan).run { bar.show($0) }
    // Before the bandwidth is measured, which needs memory of its own.
    let peakBytes = ProcessMemory.peakBytes
    let bandwidth = try MemoryBandwidth(
      bytes: found.model.weightBytesPerStep, threads: configuration.threads
    ).measure()
    bar.clear()

    let figures = EngineFigures(
      rates: rates, plan: plan, model: found.name, threads: configuration.threads,
      quantization: found.model.quantization.rawValue, kernelLevel: try KernelLevel.selected().rawValue,
      peakBytes: peakBytes, loadSeconds: loadSeconds, weightBytes: found.model.weightsBytes,
      weightBytesPerStep: found.model.weightBytesPerStep, bandwidth: bandwidth)
    StandardOutput.write(
      json ? String(decoding: figures.json.encoded, as: UTF8.self) + "\n" : figures.table)
  }

  /// Speculation is off unless it is asked for: what it gains depends on the text. No prefixes are kept, since no
  /// prompt begins like another, and those of past repetitions would count as memory.
  private func engineConfiguration(_ settings: Settings) throws -> EngineConfiguration {
    var configuration = try EngineConfiguration(settings)
    configuration.maxBatch = batch
    configuration.maxContext = promptTokens + newTokens
    configuration.speculates = speculate
    configuration.sharesPrefixes = false
    return configuration
  }

  private func engine(of model: Model, _ configuration: EngineConfiguration) throws -> Engine {
    var configuration = configuration
    guard configuration.maxContext <= model.config.contextLength else {
      throw ValidationError(
        "--prompt-tokens \(promptTokens) and --new-tokens \(newTokens) exceed the model's context of "
          + "\(model.config.contextLength) tokens")
    }
    if compute.kvCacheMB == nil {
      // All of them are to run at the same time, whatever their keys and values take.
      let keysAndValues = 2 * model.config.layers * model.config.width * MemoryLayout<Float>.size
      let tokens = KVMemory.pages(for: configuration.maxContext) * KVMemory.pagePositions
      configuration.cacheBytes = max(configuration.cacheBytes, batch * tokens * keysAndValues)
    }
    return try Engine(model: model, configuration: configuration)
  }

  private func makeFirstToken(_ settings: Settings, _ configuration: EngineConfiguration) async throws {
    let found = try ModelCatalog(settings: settings) { StandardError.write($0 + "\n") }.load(.main)
    let engine = try engine(of: found.model, configuration)
    for try await event in try engine.generate(
      GenerationRequest(prompt: [0], maxNewTokens: 1, ignoresEndOfText: true))
    {
      if case .token = event { StandardOutput.write([FirstTokenTimer.signal]) }
    }
  }
}

extension BenchmarkPrompts.Text: ExpressibleByArgument {}
