import JobWire
import Testing

/// The result as workers store it and clients read it.
@Suite struct JobResultTests {
  static let sample = JobResult(
    id: "x1", status: .completed, taskName: "got", model: "gpt2", completion: " \"é\n",
    choices: [.init(text: " \"é\n", finishReason: .stopSequence, tokens: [1, 50256])],
    usage: .init(promptTokens: 5, completionTokens: 2),
    timings: .init(queueMilliseconds: 1.25, prefillMilliseconds: 3.5, decodeMilliseconds: 40),
    worker: "host-7f3a", attempts: 1, seed: 123)

  @Test("A generation is written as documented")
  func generation() {
    let expected =
      #"{"id":"x1","status":"completed","task_name":"got","model":"gpt2","completion":" \"é\n","#
      + #""choices":[{"index":0,"text":" \"é\n","finish_reason":"stop_sequence","tokens":[1,50256],"#
      + #""logprobs":null}],"#
      + #""usage":{"prompt_tokens":5,"completion_tokens":2,"cached_tokens":0},"#
      + #""timings":{"queue_ms":1.25,"prefill_ms":3.5,"decode_ms":40.0},"#
      + #""worker":"host-7f3a","attempts":1,"seed":123}"#
    #expect(String(decoding: Self.sample.encode(), as: UTF8.self) == expected)
  }

  @Test("A classification keeps the order of its labels")
  func classification() {
    let result = JobResult(
      id: "x1", status: .completed, completion: "spam", label: "spam",
      scores: [.init(label: "spam", probability: 0.75), .init(label: "not spam", probability: 0.25)])
    #expect(
      String(decoding: result.encode(), as: UTF8.self)
        == #"{"id":"x1","status":"completed","completion":"spam","label":"spam","#
        + #""scores":{"spam":0.75,"not spam":0.25}}"#)
  }

  @Test(
    "Every kind of result reads back the same",
    arguments: [
      Self.sample, .cancelled(id: "a"), .expired(id: "b"), .exhausted(id: "c", attempts: 3),
      .failed(id: "d", JobFailure(WireError(.invalid, "m", param: "top_k")), worker: "w", attempts: 2),
      JobResult(
        id: "e", status: .completed, completion: "spam", label: "spam",
        scores: [.init(label: "spam", probability: 1), .init(label: "not spam", probability: 0)]),
    ])
  func roundTrip(result: JobResult) throws {
    #expect(try JobResult.decode(result.encode()) == result)
  }

  @Test("A field that this version doesn't know is ignored, an unknown error code is kept")
  func newerVersion() throws {
    let text = #"{"id":"a","status":"failed","new":[1],"error":{"code":"brand_new","message":"m","x":1}}"#
    let result = try JobResult.decode(Array(text.utf8))
    #expect(result.error == JobFailure(code: .init(rawValue: "brand_new"), message: "m"))
  }

  @Test(
    "What is no result is refused",
    arguments: ["", "[]", "{}", #"{"id":"a"}"#, #"{"id":"a","status":"odd"}"#])
  func refused(text: String) {
    #expect(throws: WireError.self) { try JobResult.decode(Array(text.utf8)) }
  }

  @Test("A failure of the wire keeps its kind, message and field")
  func wireFailures() {
    for kind in WireError.Kind.allCases {
      let failure = JobFailure(WireError(kind, "what was wrong", param: "seed"))
      #expect(
        failure == JobFailure(code: .init(rawValue: kind.rawValue), message: "what was wrong", param: "seed"))
    }
  }
}
