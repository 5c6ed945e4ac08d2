import ArgumentParser
import Testing

@testable import CLI

@Suite struct CommandUsageTests {
  @Test(arguments: [
    ["generate"], ["queue", "dead"], ["bench", "http"], ["convert"], ["score"],
  ])
  func theUsageIsThatOfTheParsersErrors(words: [String]) throws {
    let wrong = words + ["--no-such-option"]
    let error = #expect(throws: (any Error).self) { try GPT2Program.parseAsRoot(wrong + ["x", "y"]) }
    let message = error.map { GPT2Program.fullMessage(for: $0) } ?? ""
    let command = try #require(
      words.reduce(GPT2Program.self as (any ParsableCommand.Type)?) { command, word in
        command.flatMap { parent in
          (parent.configuration.subcommands + parent.configuration.groupedSubcommands.flatMap(\.subcommands))
            .first { $0._commandName == word }
        }
      })
    #expect(message.hasSuffix(GPT2Program.usage(of: command)), "\(message)")
  }
}
