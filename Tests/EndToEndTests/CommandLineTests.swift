import Foundation
import JobWire
import ServiceUnderTest
import Testing

/// The program as a person or a script calls it.
@Suite(.serialized) struct CommandLineTests {
  @Test func tokensThereAndBack() async throws {
    let texts = #""Hello, world!""# + "\n" + #""caf\u00e9 \ud83d\ude00""# + "\n" + #""""# + "\n"
    let ids = try await Program.run(["tokenize", "--json"], input: texts)
    #expect(ids.output == "[15496,11,995,0]\n[66,1878,2634,30325,222]\n[]\n")
    let back = try await Program.run(["detokenize", "--json"], input: ids.output)
    #expect(back.output == "\"Hello, world!\"\n\"café 😀\"\n\"\"\n")
    let wrong = try await Program.run(["detokenize", "--json"], input: "[50257]\n")
    #expect(wrong.status != 0)
    #expect(wrong.errors.contains("50257"))
  }

  @Test func aRandomModelIsMadeAndMeasured() async throws {
    let model = NSTemporaryDirectory() + "random-\(UUID().uuidString).gpt2"
    defer { try? FileManager.default.removeItem(atPath: model) }
    let made = try await Program.run(["convert", "--random", "gpt2-tiny", model])
    #expect(made.status == 0, "\(made.errors)")
    let measured = try await Program.run([
      "bench", "engine", "--model", model, "--threads", "1", "--prompt-tokens", "8", "--new-tokens", "8",
      "--batch", "2", "--json",
    ])
    #expect(measured.status == 0, "\(measured.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(measured.output.utf8))
    let figures = try #require(object as? [String: Any])
    let promised = [
      "prefill_tokens_per_second", "decode_tokens_per_second", "batch", "threads", "prompt_tokens",
      "new_tokens",
      "quantization", "kernel_level", "peak_rss_bytes", "load_seconds", "weights_bytes",
      "read_bandwidth_bytes_per_second", "roofline_fraction",
    ]
    #expect(Set(figures.keys) == Set(promised))
    #expect(figures["batch"] as? Int == 2)
    #expect(try #require(figures["prefill_tokens_per_second"] as? Double) > 0)
    #expect(try #require(figures["load_seconds"] as? Double) > 0)
  }

  @Test func generateIsGreedyAtTemperatureZeroAndPrintsTheResult() async throws {
    let arguments = [
      "generate", "--prompt", "The king", "--max-new-tokens", "5", "--temperature", "0", "--json",
    ]
    let first = try await Program.run(arguments)
    #expect(first.status == 0, "\(first.errors)")
    let result = try JobResult.decode(Array(first.output.utf8))
    #expect(result.status == .completed)
    #expect(result.choices?.first?.tokens.count == 5)
    let plain = try await Program.run(arguments.filter { $0 != "--json" })
    #expect(plain.output == "The king" + (result.completion ?? "") + "\n")
  }

  @Test(arguments: [
    ("a text file", "text"), ("", "empty"), ("PK\u{3}\u{4}truncated", "zip"),
    ("version https://git-lfs.github.com/spec/v1\n", "LFS"),
  ])
  func aFileThatIsNoCheckpointIsRefusedWithItsReason(contents: String, reason: String) async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).pth").path
    try contents.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let run = try await Program.run(["serve", "--port", "0", "--model", path])
    #expect(run.status != 0)
    #expect(run.errors.localizedCaseInsensitiveContains(reason), "\(run.errors)")
    #expect(run.errors.contains(path))
  }

  @Test(arguments: [
    (["serve", "--port", "99999"], "PORT"), (["serve", "--threads", "0"], "THREADS"),
    (["serve", "--host", "0.0.0.0", "--port", "0"], "API_KEY"),
    (["serve", "--quantize", "int3"], "QUANTIZE"),
    (["gateway", "--redis-url", "rediss://x"], "TLS"),
    (["gateway", "--queue-namespace", "a b"], "QUEUE_NAMESPACE"),
    (["serve", "--log-level", "loud"], "LOG_LEVEL"), (["serve", "--model-name", "got"], "MODEL_NAME"),
    (["worker", "--model-name", "spam"], "MODEL_NAME"),
    (["convert", "--random", "zz", "x.gpt2"], "--random"),
    (["healthcheck", "--url", "zz"], "--url"), (["bench", "http", "--url", "zz"], "--url"),
    (["queue", "dead", "--limit", "-1"], "--limit"),
    (["generate", "--prompt", "x", "--top-p", "0"], "--top-p"),
    (["serve", "--max-batch", "x"], "--max-batch"),
  ])
  func aWrongOptionIsAnErrorOfTheCommandLineAndIsNamed(arguments: [String], named: String) async throws {
    let run = try await Program.run(arguments)
    #expect(run.status == 64)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains(named), "\(run.errors)")
    #expect(run.errors.contains("Usage: gpt2 \(arguments[0]) "), "\(run.errors)")
  }

  @Test(arguments: [
    (["serve", "--model", "/nowhere/model.pth"], [:], "/nowhere/model.pth"),
    (["serve"], ["MAX_BATCH": "0"], "MAX_BATCH"), (["serve"], ["MODEL_NAME": "got"], "MODEL_NAME"),
    (["serve"], ["HOST": "no host"], "HOST (--host) is \"no host\""),
    (["worker"], ["ADMIN_HOST": "192.0.2.1"], "ADMIN_HOST (--admin-host) is \"192.0.2.1\""),
    (["gateway"], ["MODEL_NAME": "spam"], "MODEL_NAME"),
    (["gateway"], ["API_KEYS_FILE": "/nowhere/keys"], "No such file"),
  ])
  func aWrongSettingStopsTheStartAndIsNamed(
    arguments: [String], environment: [String: String], named: String
  ) async throws {
    let run = try await Program.run(arguments, environment: environment)
    #expect(run.status == 1)
    #expect(run.errors.contains(named), "\(run.errors)")
  }

  @Test func aFileOfSettingsThatIsNotUnderstoodStopsTheStart() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (text, named) in [
      ("api_key=abc\n", "API_KEY"), ("export API_KEY\n", ".env line 1"), ("PORT=99999\n", "line 1 of .env"),
    ] {
      try text.write(toFile: folder + "/.env", atomically: true, encoding: .utf8)
      let run = try await ChildProcess.run([
        "/bin/sh", "-c", #"cd "$0" && exec "$@""#, folder, Program.path, "serve",
      ])
      #expect(run.status == 1)
      #expect(run.errors.contains(named), "\(run.errors)")
    }
  }

  @Test(arguments: [
    ["tokenize"], ["tokenize", "--json"], ["detokenize"], ["--version"], ["--help"], ["help", "generate"],
    ["--generate-completion-script", "bash"], ["score", "a b", "--json"],
  ])
  func anOutputThatCannotBeWrittenIsAnError(arguments: [String]) async throws {
    let run = try await ChildProcess.run(
      ["/bin/sh", "-c", #""$0" "$@" > /dev/full"#, Program.path] + arguments,
      input: arguments.first == "detokenize" ? "1" : "\"1\"")
    #expect(run.status == 1)
    #expect(run.errors.contains("standard output"), "\(run.errors)")
  }

  @Test func textThatIsNoUTF8IsNotTokenized() async throws {
    let run = try await ChildProcess.run([
      "/bin/sh", "-c", #"printf 'a\nb\377' | "$0" tokenize"#, Program.path,
    ])
    #expect(run.status == 1)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains("byte 4, on line 2"), "\(run.errors)")
  }

  @Test func aTextIsScored() async throws {
    let text = "The king is in the castle"
    let run = try await Program.run(["score", text, "--json"])
    #expect(run.status == 0, "\(run.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    let score = try #require(object as? [String: Any])
    let tokens = try #require(score["tokens"] as? [[String: Any]])
    #expect(tokens.compactMap { $0["text"] as? String }.joined() == text)
    #expect(tokens.first?["logprob"] is NSNull)
    let logprobs = tokens.dropFirst().compactMap { $0["logprob"] as? Double }
    #expect(logprobs.count == tokens.count - 1)
    let sum = logprobs.reduce(0, +)
    #expect(abs(try #require(score["logprob"] as? Double) - sum) < 1e-9)
    let perplexity = try #require(score["perplexity"] as? Double)
    #expect(abs(perplexity - exp(-sum / Double(logprobs.count))) < 1e-6 * perplexity)
    // The same that a request tells.
    let other = try await Program.run([
      "generate", text, "--json", "--echo", "--logprobs", "0", "--max-new-tokens", "0",
    ])
    let choice = try JobResult.decode(Array(other.output.utf8)).choices?.first
    #expect(choice?.logprobs?.tokenLogprobs.compactMap { $0 } == logprobs)
    let table = try await Program.run(["score", "-"], input: text + "\n")
    #expect(table.output.contains("perplexity"))
    for short in ["The", String(repeating: "king ", count: 600)] {
      let refused = try await Program.run(["score", short])
      #expect(refused.status == 64)
      #expect(refused.errors.contains("allowed are 2 to 256"), "\(refused.errors)")
    }
  }

  @Test func theHealthCheckSaysByItsStatusWhetherTheServiceIsReady() async throws {
    let service = try await Service(.embedded)
    let ready = try await Program.run(["healthcheck", "--url", service.url + "/ready"])
    #expect(ready.status == 0)
    let port = String(service.url.split(separator: ":").last ?? "")
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
      let found = try await Program.run(["healthcheck"], environment: ["HOST": host, "PORT": port])
      #expect(found.status == 0, "\(found.errors)")
    }
    let missing = try await Program.run(["healthcheck", "--url", "http://127.0.0.1:1/ready"])
    #expect(missing.status != 0)
  }
}
