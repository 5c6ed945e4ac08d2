import ArgumentParser
import JobWire
import Testing

@testable import CLI

@Suite struct RequestOptionsTests {
  private static let limits = RequestLimits(maxNewTokens: 256)

  private static func request(_ arguments: [String]) throws -> JobRequest {
    try RequestOptions.parse(arguments).request(id: "x", prompt: "p", limits: limits)
  }

  @Test func everyOptionIsItsFieldOfTheRequest() throws {
    let request = try Self.request([
      "--max-new-tokens", "9", "--min-tokens", "2", "--ignore-eos", "--temperature", "0.5", "--top-k", "7",
      "--top-p", "0.9", "--min-p", "0.1", "--typical-p", "0.8", "--repetition-penalty", "1.2",
      "--presence-penalty", "-0.5", "--frequency-penalty", "-2", "--logit-bias", "50256=-100", "--logit-bias",
      "11=1.5", "--stop", "\n", "--stop", "- ", "--seed", "-3", "-n", "2", "--best-of", "4", "--logprobs",
      "5",
    ])
    #expect(request.maxNewTokens == 9)
    #expect(request.minTokens == 2)
    #expect(request.ignoresEndOfText)
    #expect(request.temperature == 0.5)
    #expect(request.topK == 7)
    #expect(request.topP == 0.9)
    #expect(request.minP == 0.1)
    #expect(request.typicalP == 0.8)
    #expect(request.repetitionPenalty == 1.2)
    #expect(request.presencePenalty == -0.5)
    #expect(request.frequencyPenalty == -2)
    #expect(request.logitBias == [.init(token: 11, bias: 1.5), .init(token: 50256, bias: -100)])
    #expect(request.stop == ["\n", "- "])
    #expect(request.seed == -3)
    #expect(request.completions == 2)
    #expect(request.bestOf == 4)
    #expect(request.logprobs == 5)
  }

  @Test func whatIsNotGivenKeepsItsDefault() throws {
    #expect(try Self.request([]) == JobRequest(id: "x", prompts: [.text("p")]))
  }

  @Test func everyFieldOfARequestHasAnOption() throws {
    let help = EnqueueCommand.helpMessage(columns: 1000)
    // Who answers and where to is not for a person to say.
    let others = ["stream", "reply_to", "traceparent"]
    for field in JobRequest.fieldNames where !others.contains(field) {
      #expect(help.contains("--" + field.split(separator: "_").joined(separator: "-")), "\(field)")
    }
  }

  @Test(arguments: [
    (["--temperature", "-1"], "--temperature", "0.0 to 100.0"),
    (["--temperature", "inf"], "--temperature", "finite"),
    (["--top-p", "0"], "--top-p", "above 0.0 to 1.0"), (["--min-p", "2"], "--min-p", "0.0 to 1.0"),
    (["--top-k", "-1"], "--top-k", "0 to 1000000"),
    (["--max-new-tokens", "257"], "--max-new-tokens", "0 to 256"),
    (["--max-new-tokens", "-1"], "--max-new-tokens", "0 to 256"), (["-n", "-1"], "--n", "1 to 8"),
    (["--min-tokens", "-1"], "--min-tokens", "0 to"), (["--best-of", "-1"], "--best-of", "1 to 8"),
    (["--repetition-penalty", "0"], "--repetition-penalty", "above 0.0"),
    (["--presence-penalty", "2.5"], "--presence-penalty", "-2.0 to 2.0"), (["--n", "0"], "--n", "1 to 8"),
    (["--n", "3", "--best-of", "2"], "--best-of", "3 to 8"), (["--logprobs", "21"], "--logprobs", "0 to 20"),
    (["--stop", ""], "--stop", "1 to 256"), (["--seed", "x"], "--seed", "whole number"),
    (["--logit-bias", "5"], "--logit-bias", "-100 to 100"),
    (["--logit-bias", "5=101"], "--logit-bias", "-100 to 100"),
    (["--logit-bias", "-5=1"], "--logit-bias", "token id"),
    (["--logit-bias", "5=1", "--logit-bias", "5=2"], "--logit-bias", "once"),
  ])
  func anErrorNamesTheOptionAndWhatIsAllowed(arguments: [String], option: String, allowed: String) {
    let error = #expect(throws: (any Error).self) { try Self.request(arguments) }
    let message = error.map { RequestOptions.fullMessage(for: $0) } ?? ""
    #expect(message.contains(option), "\(message)")
    #expect(message.contains(allowed), "\(message)")
  }

  @Test func aPriorityIsOneOfThree() throws {
    #expect(try EnqueueCommand.parse(["x", "--priority", "low"]).priority == .low)
    let error = #expect(throws: (any Error).self) { try EnqueueCommand.parse(["x", "--priority", "urgent"]) }
    let message = error.map { EnqueueCommand.fullMessage(for: $0) } ?? ""
    for word in ["--priority", "high", "default", "low"] { #expect(message.contains(word)) }
  }
}
