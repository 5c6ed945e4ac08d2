import ArgumentParser

/// The program: everything that GPT-2 Service does, as subcommands.
@main
struct GPT2Program: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gpt2",
    abstract: "Serves GPT-2 on ordinary CPUs.",
    discussion: """
      Every setting has an option and an environment variable of the same words (--max-batch, MAX_BATCH). The \
      option wins, then the environment, then a .env file in the working directory.
      """,
    version: serviceVersion,
    groupedSubcommands: [
      CommandGroup(
        name: "Services", subcommands: [ServeCommand.self, GatewayCommand.self, WorkerCommand.self]),
      CommandGroup(
        name: "Models",
        subcommands: [
          GenerateCommand.self, ClassifyCommand.self, ScoreCommand.self, ConvertCommand.self,
          InspectCommand.self,
        ]),
      CommandGroup(name: "Tokens", subcommands: [TokenizeCommand.self, DetokenizeCommand.self]),
      CommandGroup(
        name: "Operation",
        subcommands: [EnqueueCommand.self, QueueCommand.self, HealthcheckCommand.self, BenchCommand.self]),
    ])
}

// MARK: - The end

extension GPT2Program {
  /// In place of the one that every command has, which prints without looking whether it can, and tells the usage of
  /// the whole program where a command finds out late what is wrong with its options.
  static func main() async {
    var command: any ParsableCommand.Type = Self.self
    do {
      var parsed = try await asyncParseAsRoot()
      command = type(of: parsed)
      if var parsed = parsed as? any AsyncParsableCommand {
        try await parsed.run()
      } else {
        try parsed.run()
      }
    } catch {
      end(error, of: command)
    }
  }

  private static func end(_ error: any Error, of command: any ParsableCommand.Type) -> Never {
    if let message = usageError(error) {
      StandardError.write("Error: \(message)\n\(usage(of: command))\n")
      exit(withError: ExitCode.validationFailure)
    }
    let status = exitCode(for: error)
    let text = fullMessage(for: error)
    if status.isSuccess {
      StandardOutput.write(text + "\n")
    } else if !text.isEmpty {
      StandardError.write(text + "\n")
    }
    exit(withError: status)
  }

  /// What is wrong with the command line, if a command found that out and not the parser.
  private static func usageError(_ error: any Error) -> String? {
    switch error {
    case let error as ValidationError: error.message
    case let error as SettingsError where error.isOfCommandLine: error.description
    default: nil
    }
  }

  /// As the parser has it in its errors.
  static func usage(of command: any ParsableCommand.Type) -> String {
    let lines = usageString(for: command).split(separator: "\n").joined(separator: "\n       ")
    let words = words(to: command, from: self) ?? [_commandName]
    return "Usage: \(lines)\n  See '\(words.joined(separator: " ")) --help' for more information."
  }

  private static func words(
    to command: any ParsableCommand.Type, from root: any ParsableCommand.Type
  ) -> [String]? {
    if root == command { return [root._commandName] }
    let children =
      root.configuration.subcommands + root.configuration.groupedSubcommands.flatMap(\.subcommands)
    return children.lazy.compactMap { words(to: command, from: $0) }.first.map { [root._commandName] + $0 }
  }
}

/// The version of the program, as `gpt2 --version` and `GET /info` tell it.
let serviceVersion = "0.1.0"
