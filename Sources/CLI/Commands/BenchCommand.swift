import ArgumentParser

/// `gpt2 bench`: how fast it is here.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure the engine, the queue, or a running service.",
    subcommands: [BenchEngineCommand.self, BenchQueueCommand.self, BenchHTTPCommand.self])
}
