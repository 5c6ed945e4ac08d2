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
        subcommands: [GenerateCommand.self, ClassifyCommand.self, ConvertCommand.self, InspectCommand.self]),
      CommandGroup(name: "Tokens", subcommands: [TokenizeCommand.self, DetokenizeCommand.self]),
      CommandGroup(
        name: "Operation",
        subcommands: [EnqueueCommand.self, QueueCommand.self, HealthcheckCommand.self, BenchCommand.self]),
    ])
}

/// The version of the program, as `gpt2 --version` and `/health` tell it.
let serviceVersion = "0.1.0"
