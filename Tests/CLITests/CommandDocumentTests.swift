import ArgumentParser
import FoundationEssentials
import Testing

@testable import CLI

/// docs/cli.md has a section for each command.
@Suite struct CommandDocumentTests {
  private struct Command {
    let type: any ParsableCommand.Type
    let words: String
  }

  /// All commands that do something.
  private static func commands(
    of type: any ParsableCommand.Type = GPT2Program.self, _ words: String = "gpt2"
  ) -> [Command] {
    let children =
      type.configuration.subcommands + type.configuration.groupedSubcommands.flatMap(\.subcommands)
    if children.isEmpty { return [Command(type: type, words: words)] }
    return children.flatMap { commands(of: $0, "\(words) \($0._commandName)") }
  }

  private static func document() throws -> String {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/cli.md")
    return try String(contentsOf: path, encoding: .utf8)
  }

  /// The text under the heading that names the command.
  private static func section(of command: Command) throws -> Substring? {
    try document().split(separator: "\n### ").first { $0.hasPrefix("`\(command.words)`") }
  }

  private static func options(in text: some StringProtocol) -> Set<String> {
    Set(String(text).matches(of: #/--[a-z][a-z0-9-]*/#).map { String($0.output) })
  }

  /// What stands at the beginning of a line of its help, and not in a text about another option.
  private static func options(of command: any ParsableCommand.Type) -> Set<String> {
    let help = GPT2Program.helpMessage(for: command, columns: 1000)
    return help.split(separator: "\n").filter { $0.hasPrefix("  -") }.reduce(into: []) { all, line in
      all.formUnion(options(in: line.dropFirst(2).split(separator: "  ", maxSplits: 1)[0]))
    }
  }

  @Test func everyCommandHasASectionWithItsOwnOptions() throws {
    // Settings have a document of their own.
    let settings = Set(Setting.allCases.map(\.option)).union([
      "--torch-threads", "--model", "--version", "--help",
    ])
    for command in Self.commands() {
      let section = try #require(try Self.section(of: command), "\(command.words)")
      let offered = Self.options(of: command.type).subtracting(
        settings)
      let missing = offered.subtracting(Self.options(in: section))
      #expect(missing.isEmpty, "\(command.words): \(missing.sorted())")
    }
  }

  @Test func theDocumentNamesNoCommandAndNoOptionThatIsNotThere() throws {
    let document = try Self.document()
    let commands = Self.commands()
    let offered = commands.reduce(into: Set(Setting.allCases.map(\.option))) { all, command in
      all.formUnion(Self.options(of: command.type))
    }.union(["--generate-completion-script", "--version", "--help"])
    #expect(Self.options(in: document).subtracting(offered).isEmpty)
    for heading in document.split(separator: "\n") where heading.hasPrefix("### `gpt2") {
      #expect(commands.contains { heading == "### `\($0.words)`" }, "\(heading)")
    }
  }

  @Test func theOptionOfASettingHasItsWords() throws {
    let help = [ServeCommand.helpMessage(columns: 1000), WorkerCommand.helpMessage(columns: 1000)].joined()
    for setting in Setting.allCases {
      #expect(Self.options(in: help).contains(setting.option), "\(setting.option)")
    }
  }

  @Test func eachShellHasACompletionScript() {
    for shell in CompletionShell.allCases {
      let script = GPT2Program.completionScript(for: shell)
      for word in ["classify", "all-scores", "semicolon", "gpt2-medium", "safetensors"] {
        #expect(script.contains(word), "\(shell.rawValue): \(word)")
      }
    }
  }
}
