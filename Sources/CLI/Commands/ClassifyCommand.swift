import ArgumentParser
import GPT2
import JobWire
import QueueWorker

/// `gpt2 classify`: labels without any server.
struct ClassifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify", abstract: "Label a text, or every row of a CSV file, on the command line.",
    discussion: """
      With --csv every row is written as it was, in its order, with columns for its label and the label's \
      probability. A row that can't be labelled is named by its line on standard error, has empty cells there, and \
      makes the exit status 2; a row with too few or too many fields is left out.
      """)

  /// Some rows have no label.
  static let incomplete = ExitCode(2)

  @OptionGroup var prompt: PromptOptions
  @Flag(help: "Print the result as JSON instead of the label.") var json = false
  @OptionGroup(title: "CSV") var csv: CSVOptions
  @OptionGroup(title: "Model") var models: TaskModelOptions
  @OptionGroup(title: "Conversion") var conversion: ConversionOptions
  @OptionGroup(title: "Engine") var engine: EngineOptions

  /// In `run`, for the reason that `PromptOptions.read` has.
  private func checkInput() throws {
    guard csv.csv != nil else {
      guard prompt.isGiven else {
        throw ValidationError(
          "a text is missing: give it as an argument or with --prompt (- is standard input), or a file with --csv"
        )
      }
      return
    }
    guard !prompt.isGiven else { throw ValidationError("give a text or --csv, not both") }
    guard !json else { throw ValidationError("--json is for one text; --csv writes CSV") }
  }

  func run() async throws {
    try checkInput()
    // Before the model: a file that isn't there shows at once.
    let input = try csv.csv.map { try InputFile(path: $0) }
    let text = try csv.csv == nil ? prompt.read() : ""
    let settings = try Settings(models, conversion, engine)
    let found = try ModelCatalog(settings: settings) { StandardError.write($0 + "\n") }.load(.spam)
    let engine = try Engine(
      model: found.model, configuration: EngineConfiguration(settings).fitted(to: found.model))
    let task = try ClassifyTask(engine: engine, model: found.name)
    if let input {
      let file = CSVFile(input: input, output: try OutputFile(path: csv.output, notOver: input))
      guard case .classifier(let labels, _) = found.model.head else {
        throw FileFailure("\(found.name) is no classifier")
      }
      let labelling = CSVLabelling(
        separator: csv.separator, column: csv.column, hasHeader: !csv.noHeader, showsAllScores: csv.allScores,
        labels: labels, window: 4 * engine.maxSequences)
      try await file.label(labelling, with: task)
    } else {
      let printsResult = json
      try await StoppableWork.run { stop in
        let request = JobRequest(id: "cli", prompts: [.text(text)], taskName: "spam")
        do throws(TaskError) {
          let answer = try await task.run(request) { stop.isRequested ? .cancelled : nil }
          let result = answer.result(of: request, id: "cli").encode()
          StandardOutput.write((printsResult ? result : Array(answer.completion.utf8)) + Array("\n".utf8))
        } catch {
          throw error.ofCommandLine
        }
      }
    }
  }
}
