import ServiceUnderTest
import Testing

/// What a shell offers after the completion script was loaded.
@Suite struct CommandLineCompletionTests {
  /// Asks bash for what could stand at the end of this command line.
  private static func completions(_ words: String...) async throws -> [String] {
    let script = """
      eval "$("$1" --generate-completion-script bash)"
      shift
      COMP_WORDS=(gpt2 "$@"); COMP_CWORD=$#; COMP_LINE="gpt2 $*"; COMP_POINT=${#COMP_LINE}
      $(complete -p gpt2 | sed 's/.*-F \\([^ ]*\\).*/\\1/') gpt2 "${!#}" "${COMP_WORDS[$#-1]}"
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let run = try await ChildProcess.run(["/bin/bash", "-c", script, "bash", Program.path] + words)
    #expect(run.status == 0, "\(run.errors)")
    return run.output.split(separator: "\n").map { $0.filter { $0 != " " } }
  }

  @Test func aCommandIsCompleted() async throws {
    #expect(try await Self.completions("cla") == ["classify"])
    #expect(try await Set(Self.completions("queue", "p")) == ["purge", "pause"])
  }

  @Test func choicesAreOffered() async throws {
    #expect(try await Set(Self.completions("enqueue", "--priority", "")) == ["high", "default", "low"])
    #expect(try await Set(Self.completions("classify", "--separator", "")) == ["comma", "semicolon", "tab"])
    #expect(try await Self.completions("convert", "--random", "gpt2-m") == ["gpt2-medium"])
  }

  @Test func filesAreOffered() async throws {
    #expect(try await Self.completions("classify", "--csv", "/etc/pass").isEmpty)
    #expect(try await Self.completions("inspect", "/usr/lo").first?.hasPrefix("/usr/local") == true)
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func theScriptOfEachShellIsMade(shell: String) async throws {
    let run = try await Program.run(["--generate-completion-script", shell])
    #expect(run.status == 0)
    #expect(run.output.contains("classify"))
  }
}
