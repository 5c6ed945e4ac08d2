import ArgumentParser
import GPT2
import JobWire
import QueueWorker

/// `gpt2 generate`: a completion without any server.
struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Complete a prompt on the command line.")

  @Option(help: "The text to complete.") var prompt: String
  @Option(help: "How many tokens to add.") var maxNewTokens = RequestLimits.defaultNewTokens
  @Option(help: "0 is greedy.") var temperature = 1.0
  @Option(help: "Only the k most likely tokens; 0: off.") var topK = 0
  @Option(help: "Only the most likely tokens that reach this probability together; 1: off.") var topP = 1.0
  @Option(help: "Stop before this text; may be given up to 8 times.") var stop: [String] = []
  @Option(help: "The same seed gives the same text; default: a random one.") var seed: Int64?
  @Flag(help: "Print the result as JSON instead of the text as it comes.") var json = false
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Engine") var engine: EngineOptions

  func run() async throws {
    let settings = try await Settings(model, engine)
    let found = try ModelCatalog(settings: settings) { StandardError.write($0 + "\n") }.load(.main)
    let engine = try Engine(model: found.model, configuration: EngineConfiguration(settings))
    let request = try request(contextLength: engine.contextLength)
    let streams = !json
    if streams { StandardOutput.write(prompt) }
    let answer = try await GenerateTask(engine: engine, model: found.name)
      .run(
        request, interruption: { nil },
        onToken: { _, token in if streams { StandardOutput.write(token.text) } })
    StandardOutput.write(
      streams
        ? "\n"
        : String(decoding: answer.result(of: request, id: request.id ?? "").encode(), as: UTF8.self) + "\n")
  }

  /// Checked as a job on the queue would be.
  private func request(contextLength: Int) throws -> JobRequest {
    var draft = JobRequest(
      id: "cli-" + String(UInt64.random(in: .min ... .max), radix: 36), prompts: [.text(prompt)])
    draft.maxNewTokens = maxNewTokens
    draft.temperature = temperature
    draft.topK = topK
    draft.topP = topP
    draft.stop = stop
    draft.seed = seed
    do {
      return try JobRequest.decode(
        draft.encode(), mode: .queue,
        limits: RequestLimits(maxBodyBytes: 1 << 24, maxPromptBytes: 1 << 23, maxNewTokens: contextLength))
    } catch {
      throw ValidationError(error.message)
    }
  }
}

/// `gpt2 classify`: a label without any server.
struct ClassifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify", abstract: "Label a text on the command line.")

  @Option(help: "The text to label.") var prompt: String
  @Flag(help: "Print the result as JSON instead of the label.") var json = false
  @OptionGroup(title: "Model") var models: TaskModelOptions
  @OptionGroup(title: "Conversion") var conversion: ConversionOptions
  @OptionGroup(title: "Engine") var engine: EngineOptions

  func run() async throws {
    let settings = try await Settings(models, conversion, engine)
    let found = try ModelCatalog(settings: settings) { StandardError.write($0 + "\n") }.load(.spam)
    let engine = try Engine(model: found.model, configuration: EngineConfiguration(settings))
    let request = JobRequest(id: "cli", prompts: [.text(prompt)], taskName: "spam")
    let answer = try await ClassifyTask(engine: engine, model: found.name).run(request)
    let text =
      json
      ? String(decoding: answer.result(of: request, id: "cli").encode(), as: UTF8.self) : answer.completion
    StandardOutput.write(text + "\n")
  }
}
