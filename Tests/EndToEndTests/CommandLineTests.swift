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
    (["generate", "--prompt", "x", "--top-p", "0"], "--top-p"),
    (["serve", "--max-batch", "x"], "--max-batch"),
    (["serve", "--model", "/nowhere/model.pth"], "/nowhere/model.pth"),
  ])
  func aWrongSettingStopsTheStartAndIsNamed(arguments: [String], named: String) async throws {
    let run = try await Program.run(arguments, environment: [:])
    #expect(run.status != 0)
    #expect(run.errors.contains(named), "\(run.errors)")
  }

  @Test func theHealthCheckSaysByItsStatusWhetherTheServiceIsReady() async throws {
    let service = try await Service(.embedded)
    let ready = try await Program.run(["healthcheck", "--url", service.url + "/ready"])
    #expect(ready.status == 0)
    let missing = try await Program.run(["healthcheck", "--url", "http://127.0.0.1:1/ready"])
    #expect(missing.status != 0)
  }
}
