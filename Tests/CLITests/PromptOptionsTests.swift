import ArgumentParser
import Testing

@testable import CLI

@Suite struct PromptOptionsTests {
  private static let commands: [any AsyncParsableCommand.Type] = [
    GenerateCommand.self, ClassifyCommand.self, EnqueueCommand.self, ScoreCommand.self,
  ]

  @Test(arguments: [["hello"], ["--prompt", "hello"]]) func aPromptIsAnArgumentOrAnOption(
    arguments: [String]
  ) throws {
    #expect(try PromptOptions.parse(arguments).read() == "hello")
  }

  @Test func aPromptMayBeginWithADash() throws {
    #expect(try PromptOptions.parse(["--prompt", "- item"]).read() == "- item")
  }

  @Test func oneOfThemIsNeededAndNoMore() async throws {
    #expect(throws: ValidationError.self) { try PromptOptions.parse(["a", "--prompt", "b"]).read() }
    for type in Self.commands {
      var command = try #require(try type.parseAsRoot([]) as? any AsyncParsableCommand)
      let error = await #expect(throws: ValidationError.self) { try await command.run() }
      #expect(error?.message.contains("--prompt") == true)
    }
  }

  @Test func anUnknownOptionIsNamedAndItsValueTakenForNoPrompt() {
    for type in Self.commands {
      for arguments in [["--prompt", "x", "--colour", "red"], ["--colour"]] {
        let error = #expect(throws: (any Error).self) { try type.parseAsRoot(arguments) }
        #expect(error.map { type.fullMessage(for: $0) }?.contains("'--colour'") == true)
      }
    }
  }

  @Test(arguments: [
    ("The king", "The king"), ("The king\n", "The king"), ("The king\r\n", "The king"),
    ("The king\n\n", "The king\n"), ("\u{FEFF}é 😀\n", "é 😀"), ("The king\r", "The king\r"),
    (" x ", " x "),
  ])
  func standardInputIsTheTextWithoutTheLineEndAtItsEnd(input: String, prompt: String) throws {
    #expect(try Array(PromptOptions.prompt(from: Array(input.utf8)).utf8) == Array(prompt.utf8))
  }

  @Test(arguments: [[], Array("\n".utf8), Array("\u{FEFF}\r\n".utf8)]) func anEmptyInputIsRefused(
    input: [UInt8]
  ) {
    let error = #expect(throws: FileFailure.self) { try PromptOptions.prompt(from: input) }
    #expect(error?.description.contains("empty") == true)
  }

  @Test func aByteThatIsNoUTF8IsNamedByItsPlace() {
    let error = #expect(throws: FileFailure.self) {
      try PromptOptions.prompt(from: Array("é".utf8) + [0x61, 0xFF, 0x62])
    }
    #expect(error?.description.contains("byte 4, on line 1") == true)
    let later = #expect(throws: FileFailure.self) {
      try PromptOptions.prompt(from: Array("a\nb\n".utf8) + [0x80])
    }
    #expect(later?.description.contains("byte 5, on line 3") == true)
  }

  @Test(arguments: [
    (["--csv", "a.csv", "hello"], "--csv"), (["--csv", "a.csv", "--json"], "--json"),
    (["hello", "--column", "x"], "--column"), (["hello", "--output", "x"], "--output"),
    (["--csv", "a.csv", "--separator", "pipe"], "semicolon"),
  ])
  func optionsThatExcludeEachOtherAreNamed(arguments: [String], named: String) async {
    let error = await #expect(throws: (any Error).self) { try await ClassifyCommand.parse(arguments).run() }
    #expect(error.map { ClassifyCommand.fullMessage(for: $0) }?.contains(named) == true)
  }

  @Test func logProbabilitiesNeedJSON() throws {
    #expect(throws: (any Error).self) { try GenerateCommand.parse(["x", "--logprobs", "1"]) }
    #expect(try GenerateCommand.parse(["x", "--logprobs", "1", "--json"]).options.logprobs == 1)
  }
}
