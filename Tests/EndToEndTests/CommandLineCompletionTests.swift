import Glibc
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

  private static func has(_ shell: String) -> Bool { access(shell, X_OK) == 0 }

  /// Asks fish for what could stand at the end of this command line, with its description.
  private static func fishCompletions(_ line: String) async throws -> [Substring] {
    let script = """
      $argv[1] --generate-completion-script fish | source
      complete -C $argv[2]
      """
    let run = try await ChildProcess.run([
      "/usr/bin/fish", "--no-config", "-c", script, "--", Program.path, line,
    ])
    #expect(run.status == 0)
    #expect(run.errors.isEmpty, "\(run.errors)")
    return run.output.split(separator: "\n").map { $0.prefix { $0 != "\t" } }
  }

  @Test(.enabled("fish is installed") { has("/usr/bin/fish") }) func fishCompletes() async throws {
    #expect(try await Self.fishCompletions("gpt2 cla") == ["classify"])
    #expect(try await Self.fishCompletions("gpt2 classify --all") == ["--all-scores"])
    #expect(
      try await Set(Self.fishCompletions("gpt2 classify --separator ")) == ["comma", "semicolon", "tab"])
  }

  /// With a terminal of its own, and the words that a completion would put there instead of it.
  @Test(.enabled("zsh is installed") { has("/usr/bin/zsh") }) func zshCompletes() async throws {
    let script = #"""
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "PS1=; autoload -U compinit && compinit -u -D && eval \"\$($1 --generate-completion-script zsh)\""
      zpty -w shell 'echo lo''aded'
      zpty -r -m shell loaded '*loaded*'
      zpty -n -w shell "$2"$'\t'
      zpty -r -m shell completed "*$3*" && print -r -- completed
      zpty -d shell
      """#
    for (line, completion) in [
      ("gpt2 cla", "gpt2 classify "), ("gpt2 classify --all", "--all-scores "),
      ("gpt2 classify --separator semi", "semicolon "),
    ] {
      let run = try await ChildProcess.run(
        [
          "/usr/bin/timeout", "20", "/usr/bin/zsh", "-f", "-c", script, "zsh", Program.path, line, completion,
        ],
        environment: ["TERM": "dumb"])
      #expect(run.output.hasSuffix("completed\n"), "\(line): \(run.output)\(run.errors)")
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func theScriptOfEachShellIsMade(shell: String) async throws {
    let run = try await Program.run(["--generate-completion-script", shell])
    #expect(run.status == 0)
    #expect(run.output.contains("classify"))
  }
}
