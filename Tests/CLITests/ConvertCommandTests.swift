import ArgumentParser
import FoundationEssentials
import Testing

@testable import CLI

@Suite struct ConvertCommandTests {
  @Test func aCheckpointAndAFileOrASizeAndAFile() throws {
    #expect(try ConvertCommand.parse(["in.pth", "out.gpt2"]).paths == ["in.pth", "out.gpt2"])
    let random = try ConvertCommand.parse(["--random", "gpt2", "out.pth", "--seed", "7"])
    #expect(random.random == "gpt2")
    #expect(random.paths == ["out.pth"])
    #expect(random.seed == 7)
  }

  @Test(arguments: [[], ["in.pth"], ["a", "b", "c"], ["--random", "gpt2"], ["--random", "gpt2", "a", "b"]])
  func anotherNumberOfPathsIsRefused(arguments: [String]) async throws {
    let command = try ConvertCommand.parse(arguments)
    await #expect(throws: ValidationError.self) { try await command.run() }
  }

  @Test func aMisspeltOptionIsNamedAndNotItsValueCounted() {
    let error = #expect(throws: (any Error).self) {
      try ConvertCommand.parse(["in.pth", "out.gpt2", "--quantise", "int4"])
    }
    #expect(error.map { ConvertCommand.fullMessage(for: $0) }?.contains("--quantise") == true)
  }

  @Test func aModelFileIsNotConvertedAgain() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "gpt2-\(UUID().uuidString).gpt2").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await ConvertCommand.parse(["--random", "gpt2-tiny", path]).run()
    let command = try ConvertCommand.parse([path, path + ".2"])
    let error = await #expect(throws: FileFailure.self) { try await command.run() }
    #expect(error?.description.contains("model file already") == true)
  }

  @Test(arguments: [
    (["--random", "gpt3", "x.gpt2"], "gpt2-medium"), (["--random", "gpt2-tiny", "x.bin"], ".pth"),
    (["--random", "gpt2-tiny", "x.pth", "--quantize", "int8"], "--quantize"),
  ])
  func anErrorNamesWhatIsAllowed(arguments: [String], allowed: String) async throws {
    let command = try ConvertCommand.parse(arguments)
    let error = await #expect(throws: (any Error).self) { try await command.run() }
    #expect(error.map { "\($0)" }?.contains(allowed) == true)
  }
}
