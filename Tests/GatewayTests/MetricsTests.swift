import Gateway
import HTTPTypes
import JobQueue
import JobWire
import Testing

/// What `GET /metrics` tells of the gateway's own work.
@Suite(.timeLimit(.minutes(1))) struct MetricsTests {
  @Test(
    "Requests are counted by route, method and code, tokens by kind, and streams by the time of their tokens")
  func counted() async throws {
    let fixture = GatewayFixture()
    try await fixture.run { client in
      async let stream = client.send(.post, "/generate_stream", body: #"{"prompt":"secret"}"#)
      let worker = try await HandWorker.take(from: fixture.memory)
      try await worker.emit(0, ["A"])
      try await worker.emit(1, ["B", "C"])
      try await worker.post(
        JobResult(
          id: worker.id.rawValue, status: .completed, completion: "ABC",
          choices: [.init(text: "ABC", finishReason: .length, tokens: [100, 101, 102])],
          usage: .init(promptTokens: 5, completionTokens: 3)))
      _ = try await stream
      _ = try await client.generate("{")
      _ = try await client.send(.get, "/jobs/nobody-s")
      _ = try await client.send(.get, "/no/such/path")
      let reply = try await client.send(.get, "/metrics")
      #expect(reply.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
      for line in [
        #"gpt2_http_requests_total{route="/generate_stream",method="POST",code="200"} 1"#,
        #"gpt2_http_requests_total{route="/generate",method="POST",code="400"} 1"#,
        #"gpt2_http_requests_total{route="/jobs/{id}",method="GET",code="404"} 1"#,
        #"gpt2_http_request_duration_seconds_count{route="/generate_stream"} 1"#,
        #"gpt2_http_tokens_total{kind="prompt"} 5"#, #"gpt2_http_tokens_total{kind="completion"} 3"#,
        "gpt2_http_time_to_first_token_seconds_count 1", "gpt2_http_time_between_tokens_seconds_count 2",
        "gpt2_http_streams_in_flight 0", "gpt2_http_requests_in_flight 1",
      ] {
        #expect(reply.text.split(separator: "\n").contains(line[...]), "\(line)")
      }
      #expect(!reply.text.contains("nobody-s"))
      #expect(!reply.text.contains("secret"))
      #expect(!reply.text.contains("/no/such/path"))
    }
  }

  @Test("Refusals for a limit are counted by its kind")
  func limited() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.requestsPerMinute = 3
    fixture.configuration.tokensPerMinute = 60
    try await fixture.run { client in
      _ = try await client.send(.post, "/jobs", body: #"{"prompt":"a","max_new_tokens":60}"#)
      #expect(try await client.generate(#"{"prompt":"a","max_new_tokens":60,"id":"x"}"#).status == 429)
      let text = try await client.send(.get, "/metrics").text
      #expect(text.contains(#"gpt2_http_rate_limited_total{kind="tokens"} 1"#))
      #expect(try await client.send(.get, "/metrics").status == 429)
    }
  }
}
