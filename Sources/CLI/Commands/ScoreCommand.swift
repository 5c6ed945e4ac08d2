import ArgumentParser
import GPT2
import JobWire
import QueueWorker

/// `gpt2 score`: how likely a text is, without any server.
struct ScoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score", abstract: "Tell how likely a text is to a model, on the command line.",
    discussion: """
      The log-probability is the sum of the natural logarithms of the tokens' probabilities, each after those before \
      it; the first token follows on nothing and has none. The perplexity is e to the power of minus their mean. \
      Nothing of the text is left out: it must fit into the context.
      """)

  @OptionGroup var prompt: PromptOptions
  @Flag(help: "Print JSON, with the log-probability of each token.") var json = false
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Engine") var engine: EngineOptions

  func run() async throws {
    let text = try prompt.read()
    let settings = try Settings(model, engine)
    let found = try ModelCatalog(settings: settings) { StandardError.write($0 + "\n") }.load(.main)
    let engine = try Engine(model: found.model, configuration: EngineConfiguration(settings))
    let count = engine.tokenizer.encode(text).count
    guard (2...engine.contextLength).contains(count) else {
      throw ValidationError(
        "the text has \(count) token\(count == 1 ? "" : "s"); allowed are 2 to \(engine.contextLength)")
    }
    var request = JobRequest(id: "cli", prompts: [.text(text)])
    (request.maxNewTokens, request.echo, request.logprobs) = (0, true, 0)
    let task = GenerateTask(engine: engine, model: found.name)
    let (scored, printsJSON) = (request, json)
    try await StoppableWork.run { stop in
      do throws(TaskError) {
        let answer = try await task.run(scored) { stop.isRequested ? .cancelled : nil }
        guard let choice = answer.choices?.first, let score = TextScore(choice) else {
          throw TaskError.failed(
            JobFailure(code: .internalError, message: "the model gave no log-probabilities"))
        }
        StandardOutput.write(
          printsJSON
            ? String(decoding: score.json(model: found.name).encoded, as: UTF8.self) + "\n" : score.text)
      } catch {
        throw error.ofCommandLine
      }
    }
  }
}
