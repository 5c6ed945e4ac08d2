import Foundation
import JobWire
import ServiceUnderTest
import Testing

/// `gpt2 generate` between a keyboard, a pipe and a terminal.
@Suite(.serialized, .timeLimit(.minutes(3))) struct CommandLineGenerateTests {
  /// Long enough to be stopped in the middle.
  private static let long = [
    "generate", "--prompt", "begun\nThe king", "--max-new-tokens", "200", "--ignore-eos", "--n", "100",
  ]

  @Test(arguments: [["generate", "-"], ["generate", "--prompt", "-"]])
  func aDashReadsThePromptFromStandardInput(
    command: [String]
  ) async throws {
    let options = ["--max-new-tokens", "4", "--seed", "1"]
    let piped = try await Program.run(command + options, input: "The king\n")
    #expect(piped.status == 0, "\(piped.errors)")
    let given = try await Program.run(["generate", "The king"] + options)
    #expect(piped.output == given.output)
    #expect(piped.output.hasPrefix("The king"))
    let empty = try await Program.run(command)
    #expect(empty.status != 0)
    #expect(empty.errors.contains("standard input is empty"))
  }

  @Test func allFieldsOfARequestCount() async throws {
    let run = try await Program.run([
      "generate", "The king", "--json", "--echo", "--max-new-tokens", "3", "--min-tokens", "3", "-n", "2",
      "--best-of", "3", "--logprobs", "1", "--seed", "-7", "--presence-penalty", "-0.5", "--min-p", "0.01",
    ])
    #expect(run.status == 0, "\(run.errors)")
    let result = try JobResult.decode(Array(run.output.utf8))
    #expect(result.seed == -7)
    #expect(result.choices?.count == 2)
    for choice in result.choices ?? [] {
      #expect(choice.text.hasPrefix("The king"))
      #expect(choice.logprobs?.tokens.count == choice.tokens.count)
    }
    let printed = try await Program.run([
      "generate", "The king", "--no-echo", "--max-new-tokens", "3", "--n", "2",
    ])
    #expect(printed.output.hasPrefix("--- 1 of 2 ---\n"))
    #expect(printed.output.contains("\n--- 2 of 2 ---\n"))
    #expect(!printed.output.contains("The king"))
  }

  @Test func aBiasThatForbidsATokenIsObeyed() async throws {
    let greedy = ["generate", "The king", "--json", "--max-new-tokens", "1", "--temperature", "0"]
    let first = try JobResult.decode(Array(try await Program.run(greedy).output.utf8))
    let token = try #require(first.choices?.first?.tokens.first)
    let other = try await Program.run(greedy + ["--logit-bias", "\(token)=-100"])
    let tokens = try JobResult.decode(Array(other.output.utf8)).choices?.first?.tokens
    #expect(tokens?.count == 1)
    #expect(tokens != [token])
    let unknown = try await Program.run(greedy + ["--logit-bias", "999999=1"])
    #expect(unknown.status == 64)
    #expect(unknown.errors.contains("--logit-bias"))
    #expect(unknown.errors.contains("0 to"))
    let printing = try await Program.run(["generate", "a", "--logit-bias", "999999=1"])
    #expect(printing.output.isEmpty)
    #expect(printing.errors.contains("Usage: gpt2 generate"), "\(printing.errors)")
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func aSignalStopsItWithinAStep(signal: Int32, status: Int32) async throws {
    let program = try Program(Self.long)
    #expect(await program.line(containing: "begun") != nil)
    program.send(signal)
    #expect(await program.exit() == status)
    // The last line is complete, and most of what was asked for was never made.
    #expect(program.output.hasSuffix("\n"))
    #expect(!program.output.contains("2 of 100"))
  }

  @Test(arguments: ["", "trap '' PIPE;"]) func aReaderThatLeavesEndsItQuietly(trap: String) async throws {
    let script = "\(trap) \"$@\" | head -n 1; echo ${PIPESTATUS[0]}"
    let run = try await ChildProcess.run(["/bin/bash", "-c", script, "bash", Program.path] + Self.long)
    let lines = run.output.split(separator: "\n")
    #expect(lines == ["--- 1 of 100 ---", "141"])
    #expect(run.errors.isEmpty, "\(run.errors)")
  }

  @Test func anOutputThatCannotBeWrittenIsAnError() async throws {
    let run = try await ChildProcess.run([
      "/bin/sh", "-c", "\"$@\" > /dev/full", "sh", Program.path, "generate", "x", "--max-new-tokens", "2",
    ])
    #expect(run.status == 1)
    #expect(run.errors.contains("standard output"))
  }

  @Test func onATerminalNothingOfTheTextCommandsIt() async throws {
    let terminal = try PseudoTerminal()
    let program = try terminal.start(["generate", "red \u{1B}[31m", "--max-new-tokens", "1"])
    #expect(await terminal.waits(for: "red \u{FFFD}[31m"))
    #expect(program.wait() == 0)
  }
}
