import Gateway
import HTTPTypes
import JobQueue
import JobWire
import Testing

/// The routes of OpenAI's vocabulary.
@Suite(.timeLimit(.minutes(1))) struct OpenAIRoutesTests {
  /// Answers with the prompts in capitals, `n` of each.
  private static let capitals: GatewayFixture.Answer = { job in
    let texts = job.prompts.flatMap { prompt in
      (0..<job.completions).map { _ in prompt.text?.uppercased() ?? "tokens" }
    }
    return JobResult(
      id: job.id ?? "", status: .completed, taskName: job.taskName, model: "gpt2", completion: texts[0],
      choices: texts.enumerated().map {
        .init(index: $0, text: $1, finishReason: .stopSequence, tokens: [1])
      },
      usage: .init(promptTokens: 3, completionTokens: texts.count))
  }

  @Test("A completion has OpenAI's form")
  func completion() async throws {
    try await GatewayFixture(answer: Self.capitals).run { client in
      let reply = try await client.send(
        .post, "/v1/completions",
        body: #"{"model":"gpt2","prompt":["a","b"],"n":2,"max_tokens":5,"user":"u","suffix":null}"#)
      #expect(reply.status == 200)
      #expect(reply.json?["object"]?.stringValue == "text_completion")
      #expect(reply.json?["id"]?.stringValue?.hasPrefix("cmpl-") == true)
      #expect(reply.json?["model"]?.stringValue == "gpt2")
      let choices = reply.json?["choices"]?.arrayValue ?? []
      #expect(choices.map { $0["text"]?.stringValue } == ["A", "A", "B", "B"])
      #expect(choices.map { $0["index"]?.integerValue } == [0, 1, 2, 3])
      #expect(choices.allSatisfy { $0["finish_reason"]?.stringValue == "stop" })
      #expect(reply.json?["usage"]?["total_tokens"]?.integerValue == 7)
    }
  }

  @Test("The defaults are OpenAI's, and a task that generates is a model")
  func defaults() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      async let reply = client.send(.post, "/v1/completions", body: #"{"model":"got","prompt":[1,2]}"#)
      let worker = try await HandWorker.take(from: fixture.memory)
      #expect(worker.request.maxNewTokens == 16)
      #expect(worker.request.taskName == "got")
      #expect(worker.request.prompts == [.tokens([1, 2])])
      try await worker.post("x")
      #expect(try await reply.status == 200)
    }
  }

  @Test("A streamed completion is told in chunks, with how it ended and, if wanted, how long it was")
  func stream() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      async let reply = client.send(
        .post, "/v1/completions",
        body: """
          {"model":"gpt2","prompt":"a","stream":true,"logprobs":1,"stream_options":{"include_usage":true}}
          """)
      let worker = try await HandWorker.take(from: fixture.memory)
      let piece = JobPiece(
        first: 0,
        tokens: [
          .init(token: 1, text: "é"),
          .init(
            token: 2, text: "", ownText: "bytes:\\xe2", logprob: -0.5,
            alternatives: [.init(token: 9, text: "z", logprob: -0.1)]),
        ])
      _ = try await fixture.memory.emit(
        JobProgress(job: worker.job, id: worker.id, sequence: 2, body: piece.encode(), replyTo: nil))
      try await worker.post(
        JobResult(
          id: worker.id.rawValue, status: .completed, completion: "éx",
          choices: [.init(text: "éx", finishReason: .length, tokens: [1, 2])],
          usage: .init(promptTokens: 1, completionTokens: 2)))
      let events = try await reply.text.split(separator: "\n\n").map { $0.dropFirst(6) }
      #expect(events.last == "[DONE]")
      let chunks = try events.dropLast().map { try JSONValue(parsing: Array($0.utf8)) }
      #expect(Set(chunks.compactMap { $0["id"]?.stringValue }).count == 1)
      let choices = chunks.compactMap { $0["choices"]?.arrayValue?.first }
      #expect(choices.map { $0["text"]?.stringValue } == ["é", "", "x", ""])
      #expect(choices[1]["logprobs"]?["tokens"]?.arrayValue == [.string("bytes:\\xe2")])
      #expect(choices[1]["logprobs"]?["text_offset"]?.arrayValue == [.integer(1)])
      #expect(choices[1]["logprobs"]?["top_logprobs"]?.arrayValue?.first?["z"]?.doubleValue == -0.1)
      #expect(choices[1]["logprobs"]?["top_logprobs"]?.arrayValue?.first?["bytes:\\xe2"]?.doubleValue == -0.5)
      #expect(choices.map { $0["finish_reason"]?.stringValue } == [nil, nil, nil, "length"])
      for chunk in chunks.dropLast() {
        #expect(chunk.fieldsValue?.first { $0.name == "usage" }?.value == .null)
      }
      #expect(chunks.last?["choices"]?.arrayValue == [])
      #expect(chunks.last?["usage"]?["completion_tokens"]?.integerValue == 2)
    }
  }

  @Test(
    "What is only known at the end is streamed with the log-probabilities of the tokens that were not told")
  func logprobsAtTheEnd() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      async let reply = client.send(
        .post, "/v1/completions",
        body: #"{"model":"gpt2","prompt":"a","n":1,"best_of":2,"stream":true,"logprobs":0}"#)
      let worker = try await HandWorker.take(from: fixture.memory)
      try await worker.emit(0, ["x"])
      let logprobs = Logprobs(
        tokens: ["x", "y", "z"], tokenLogprobs: [-1, -2, -3], topLogprobs: [nil, nil, nil],
        textOffset: [0, 1, 2])
      try await worker.post(
        JobResult(
          id: worker.id.rawValue, status: .completed, completion: "xyz",
          choices: [.init(text: "xyz", finishReason: .length, tokens: [1, 2, 3], logprobs: logprobs)],
          usage: .init(promptTokens: 1, completionTokens: 3)))
      let events = try await reply.text.split(separator: "\n\n").map { $0.dropFirst(6) }
      let chunks = try events.dropLast().map { try JSONValue(parsing: Array($0.utf8)) }
      #expect(chunks.allSatisfy { chunk in chunk.fieldsValue?.contains { $0.name == "usage" } == false })
      let choices = chunks.compactMap { $0["choices"]?.arrayValue?.first }
      #expect(choices.map { $0["text"]?.stringValue } == ["x", "yz", ""])
      let rest = choices[1]["logprobs"]
      #expect(rest?["tokens"]?.arrayValue == [.string("y"), .string("z")])
      #expect(rest?["token_logprobs"]?.arrayValue?.map(\.doubleValue) == [-2, -3])
      #expect(rest?["text_offset"]?.arrayValue == [.integer(1), .integer(2)])
      #expect(choices.last?["logprobs"] == nil)
    }
  }

  @Test("A prompt that doesn't fit the context is refused, not cut")
  func tooLong() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      async let reply = client.send(.post, "/v1/completions", body: #"{"model":"gpt2","prompt":"a"}"#)
      let worker = try await HandWorker.take(from: fixture.memory)
      #expect(!worker.request.truncates)
      try await worker.post(
        .failed(id: worker.id.rawValue, .contextLengthExceeded(64, prompt: 60, newTokens: 16)))
      let refused = try await reply
      #expect(refused.status == 400)
      #expect(refused.error("code") == "context_length_exceeded")
      for number in ["64", "76", "60", "16"] {
        #expect(refused.error("message")?.contains(number) == true)
      }
    }
  }

  @Test("More tokens than the limit of the caller are too many max_tokens")
  func tooManyTokens() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.tokensPerMinute = 10
    try await fixture.run { client in
      let reply = try await client.send(.post, "/v1/completions", body: #"{"model":"gpt2","prompt":"a"}"#)
      #expect(reply.status == 400)
      #expect(reply.error("param") == "max_tokens")
    }
  }

  @Test("A name in a path may be escaped")
  func escapedName() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.modelName = "openai-community/gpt2 é"
    try await fixture.run { client in
      let found = try await client.send(.get, "/v1/models/openai-community%2Fgpt2%20%c3%A9")
      #expect(found.json?["id"]?.stringValue == "openai-community/gpt2 é")
      for name in ["%", "%2", "%2x", "%ff", "%+1"] {
        let missing = try await client.send(.get, "/v1/models/\(name)")
        #expect(missing.status == 404)
        #expect(missing.error("message")?.contains("\"\(name)\"") == true)
      }
    }
  }

  @Test(
    "What is wrong is a bad request that names the field",
    arguments: [
      (#"{"prompt":"a"}"#, 400, "invalid_value", "model"),
      (#"{"model":"gpt2"}"#, 400, "invalid_value", "prompt"),
      (#"{"model":"gpt2","prompt":"a","max_new_tokens":5}"#, 400, "unknown_field", "max_new_tokens"),
      (#"{"model":"gpt2","prompt":"a","max_tokens":-1}"#, 400, "invalid_value", "max_tokens"),
      (#"{"model":"gpt2","prompt":"a","n":0}"#, 400, "invalid_value", "n"),
      (#"{"model":"gpt2","prompt":"a","n":3,"best_of":2}"#, 400, "invalid_value", "best_of"),
      (#"{"model":"gpt2","prompt":"a","suffix":"b"}"#, 400, "not_supported", "suffix"),
      (
        #"{"model":"gpt2","prompt":"a","stream_options":{"include_usage":true}}"#, 400, "invalid_value",
        "stream_options"
      ),
      (#"{"model":"gpt-9","prompt":"a"}"#, 404, "model_not_found", "model"),
    ])
  func refused(body: String, status: Int, code: String, param: String) async throws {
    try await GatewayFixture().run { client in
      let reply = try await client.send(.post, "/v1/completions", body: body)
      #expect(reply.status == status)
      #expect(reply.error("code") == code)
      #expect(reply.error("param") == param)
      #expect(reply.error("type") == "invalid_request_error")
    }
  }

  @Test("The models are those of the workers, the configured name, and the tasks that generate")
  func models() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.modelName = "mine"
    try await fixture.run { client in
      let list = try await client.send(.get, "/v1/models")
      let names = list.json?["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue }
      #expect(names == ["mine", "got"])
      #expect(try await client.send(.get, "/v1/models/mine").json?["object"]?.stringValue == "model")
      #expect(try await client.send(.get, "/v1/models/gpt-9").status == 404)
    }
  }
}
