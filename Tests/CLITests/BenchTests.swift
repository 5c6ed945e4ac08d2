import ArgumentParser
import GPT2
import JobWire
import Testing

@testable import CLI

@Suite struct BenchTests {
  private let plan = EngineBenchmark.Plan(
    promptTokens: 16, newTokens: 128, batch: 8, repetitions: 3, text: .random, seed: 0)

  private func figures(decode: [Double]) -> EngineFigures {
    EngineFigures(
      rates: .init(prefill: [900, 1000, 1100], decode: decode), plan: plan, model: "gpt2", threads: 2,
      quantization: "int8", kernelLevel: "avx2", peakBytes: 200_000_000, loadSeconds: 0.05,
      weightBytes: 125_000_000, weightBytesPerStep: 120_000_000, bandwidth: 40e9)
  }

  @Test func theEngineFiguresHaveTheseNamesAndAreMedians() {
    let json = figures(decode: [1900, 2000, 2400]).json
    #expect(
      json.fieldsValue?.map(\.name) == [
        "prefill_tokens_per_second", "decode_tokens_per_second", "batch", "threads", "prompt_tokens",
        "new_tokens", "quantization", "kernel_level", "peak_rss_bytes", "load_seconds", "weights_bytes",
        "read_bandwidth_bytes_per_second", "roofline_fraction",
      ])
    #expect(json["prefill_tokens_per_second"] == .double(1000))
    #expect(json["decode_tokens_per_second"] == .double(2000))
    // 2000 / 8 steps a second of 120 MB each are 30 of 40 GB a second.
    #expect(json["roofline_fraction"] == .double(0.75))
  }

  @Test func whatCouldNotBeMeasuredIsNullInJSON() {
    let json = figures(decode: []).json
    #expect(json["decode_tokens_per_second"] == nil)
    #expect(json.fieldsValue?.contains { $0.name == "roofline_fraction" && $0.value == .null } == true)
    #expect(figures(decode: []).table.contains("no time in which all sequences ran"))
  }

  @Test func theLoadFiguresCountTheTimeAndTheLatenciesOfAll() {
    let outcomes = [
      HTTPLoad.Outcome(begin: 0, end: 1, generatedTokens: 12),
      HTTPLoad.Outcome(begin: 1, end: 2, generatedTokens: 10),
      HTTPLoad.Outcome(begin: 1.5, end: 4.5, generatedTokens: 12),
      HTTPLoad.Outcome(begin: 1, end: 1.1, generatedTokens: nil),
    ]
    let json = LoadFigures(outcomes, seconds: 4).json
    #expect(
      json.fieldsValue?.map(\.name) == [
        "requests_per_second", "p50_ms", "p95_ms", "p99_ms", "errors", "generated_tokens_per_second",
      ])
    #expect(json["requests_per_second"] == .double(0.5))
    #expect(json["generated_tokens_per_second"] == .double(5.5))
    #expect(json["p50_ms"] == .double(1000))
    #expect(json["p99_ms"] == .double(3000))
    #expect(json["errors"] == .integer(1))
  }

  @Test func noTwoPromptsAreTheSameAndASeedGivesThemAgain() {
    var prompts = BenchmarkPrompts(vocabularySize: 50256, length: 16, text: .random, seed: 1)
    let batch = prompts.batch(of: 20)
    #expect(Set(batch.map(\.first)).count > 15)
    #expect(batch.allSatisfy { $0.count == 16 && $0.allSatisfy { (0..<50256).contains($0) } })
    var again = BenchmarkPrompts(vocabularySize: 50256, length: 16, text: .random, seed: 1)
    #expect(again.batch(of: 20) == batch)
  }

  @Test func aRepeatingPromptRepeatsAPhrase() {
    var prompts = BenchmarkPrompts(vocabularySize: 1000, length: 40, text: .repeat, seed: 1)
    let prompt = prompts.next()
    #expect(prompt.count == 40)
    #expect(Array(prompt[..<28]) == Array(prompt[12...]))
    #expect(prompts.next() != prompt)
  }

  @Test func everyRequestHasAnotherPrompt() {
    for text in [nil, "tell me"] {
      var prompts = LoadPrompts(text: text, maxNewTokens: 12, seed: 3)
      let all = (0..<100).map { _ in prompts.nextPrompt() }
      #expect(Set(all).count == 100)
      #expect(all.allSatisfy { text == nil ? $0.split(separator: " ").count == 7 : $0.hasSuffix(" tell me") })
    }
  }

  @Test func aRequestIsOneThatTheServiceAccepts() throws {
    var prompts = LoadPrompts(text: nil, maxNewTokens: 12, seed: 3)
    let request = try JobRequest.decode(prompts.nextBody(), mode: .http, limits: RequestLimits())
    #expect(request.maxNewTokens == 12)
    #expect(request.id == nil)
    #expect(request.seed == nil)
  }

  @Test(arguments: [
    ["--batch", "0"], ["--prompt-tokens", "-1"], ["--new-tokens", "x"], ["--repetitions", "0"],
    ["--text", "prose"], ["--nothing"],
  ])
  func anEngineBenchmarkRefusesWhatIsNotAllowed(arguments: [String]) {
    #expect(throws: (any Error).self) { try BenchEngineCommand.parse(arguments) }
  }

  @Test func itsOptionsAreThoseOfTheManual() throws {
    let command = try BenchEngineCommand.parse([
      "--model", "m.gpt2", "--threads", "2", "--prompt-tokens", "128", "--new-tokens", "64", "--batch", "8",
      "--json",
    ])
    #expect(command.batch == 8)
    #expect(command.promptTokens == 128)
    #expect(command.newTokens == 64)
    #expect(command.json)
    #expect(!command.speculate)
    let load = try BenchHTTPCommand.parse([
      "--url", "http://127.0.0.1:8080", "--concurrency", "32", "--seconds", "5", "--max-new-tokens", "12",
      "--json",
    ])
    #expect(load.concurrency == 32)
    #expect(load.seconds == 5)
    #expect(throws: (any Error).self) { try BenchHTTPCommand.parse([]) }
    #expect(throws: (any Error).self) {
      try BenchHTTPCommand.parse(["--url", "http://a", "--concurrency", "0"])
    }
  }
}
