import ArgumentParser
import GPT2
import JobWire
import QueueWorker

/// `gpt2 generate`: a completion without any server.
struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Complete a prompt on the command line.",
    discussion: """
      The prompt and its completion are printed as they come. Of several completions the first one is printed as it \
      comes, and the others once all are complete. ^C stops within one step, with exit status 130.
      """)

  @OptionGroup var prompt: PromptOptions
  @Flag(help: "Print the result as JSON instead of the text as it comes.") var json = false
  @Flag(
    inversion: .prefixedNo,
    help: """
      Begin with the prompt. Default: yes, but not with --json, where its log-probabilities come along if they are \
      asked for.
      """)
  var echo: Bool?
  @OptionGroup(title: "Request") var options: RequestOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Engine") var engine: EngineOptions

  func validate() throws {
    guard json || options.logprobs == nil else {
      throw ValidationError("--logprobs needs --json, which prints them")
    }
    // What is wrong whatever the model's context is shows before a model is opened.
    _ = try request(after: "x", contextLength: Int(Int32.max))
  }

  func run() async throws {
    let text = try prompt.read()
    let settings = try Settings(model, engine)
    let found = try ModelCatalog(settings: settings) { StandardError.write($0 + "\n") }.load(.main)
    let engine = try Engine(model: found.model, configuration: EngineConfiguration(settings))
    let request = try request(after: text, contextLength: engine.contextLength)
    let generation = LocalGeneration(
      task: GenerateTask(engine: engine, model: found.name), request: request, printsResult: json,
      printedPrompt: echo == false ? "" : text)
    try await StoppableWork.run { try await generation.run(until: $0) }
  }

  /// Printing text, the prompt stands before it without being a part of the request's answer.
  private func request(after prompt: String, contextLength: Int) throws -> JobRequest {
    try options.request(
      id: "cli-" + String(UInt64.random(in: .min ... .max), radix: 36), prompt: prompt,
      others: [("echo", json && echo == true ? .bool(true) : nil)],
      limits: RequestLimits(
        maxBodyBytes: 1 << 26, maxPromptBytes: PromptOptions.maxBytes, maxNewTokens: contextLength,
        maxCompletions: 128))
  }
}
