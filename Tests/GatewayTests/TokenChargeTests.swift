import Gateway
import HTTPTypes
import JobQueue
import JobWire
import Testing

/// What the routes that generate take from a caller's tokens: what a request made, not what it could have made.
@Suite(.timeLimit(.minutes(1))) struct TokenChargeTests {
  /// Answers with 12 tokens of each completion.
  private static func fixture(tokens: Int) -> GatewayFixture {
    var fixture = GatewayFixture { job in
      JobResult(
        id: job.id ?? "", status: .completed, completion: "a",
        choices: [.init(text: "a", finishReason: .length, tokens: [1])],
        usage: .init(promptTokens: 3, completionTokens: 12 * job.completions))
    }
    fixture.configuration.tokensPerMinute = tokens
    return fixture
  }

  private static func left(_ client: GatewayClient) async throws -> Int? {
    // A little comes back while the test runs.
    try await client.send(.get, "/info").header("x-ratelimit-remaining-tokens").flatMap { Int($0) }
  }

  @Test(
    "A request is charged what it made",
    arguments: [
      ("/generate", #"{"prompt":"a","max_new_tokens":40}"#, 12),
      ("/generate", #"{"prompt":"a","max_new_tokens":40,"n":2}"#, 24),
      ("/generate_stream", #"{"prompt":"a","max_new_tokens":40}"#, 12),
      ("/v1/completions", #"{"model":"gpt2","prompt":"a","max_tokens":40}"#, 12),
      ("/jobs", #"{"prompt":"a","max_new_tokens":40,"id":"x1"}"#, 12),
    ])
  func charged(path: String, body: String, tokens: Int) async throws {
    try await Self.fixture(tokens: 100).run { client in
      let reply = try await client.send(.post, path, body: body)
      #expect([200, 202].contains(reply.status))
      if path == "/jobs" { _ = try await client.send(.get, "/jobs/x1/events") }
      let left = try #require(try await Self.left(client))
      #expect((100 - tokens...100 - tokens + 2).contains(left))
    }
  }

  @Test(
    "A request that could make more than is left waits for its turn, and one beyond the limit never has one")
  func refused() async throws {
    try await Self.fixture(tokens: 100).run { client in
      let first = try await client.generate(#"{"prompt":"a","max_new_tokens":100}"#)
      #expect(first.status == 200)
      let second = try await client.generate(#"{"prompt":"a","max_new_tokens":100}"#)
      #expect(second.status == 429)
      #expect(second.error("code") == "rate_limit_exceeded")
      #expect(second.header("retry-after") != nil)
      let third = try await client.generate(#"{"prompt":"a","max_new_tokens":51,"n":2}"#)
      #expect(third.status == 422)
      #expect(third.error("message")?.contains("102") == true)
    }
  }

  @Test("What generates nothing, and a result that was there already, cost nothing")
  func free() async throws {
    try await Self.fixture(tokens: 100).run { client in
      _ = try await client.send(.post, "/tokenize", body: #"{"text":"a"}"#)
      _ = try await client.send(.post, "/classify", body: #"{"input":"a"}"#)
      let body = #"{"prompt":"a","max_new_tokens":40,"id":"x1"}"#
      for _ in 0..<3 { #expect(try await client.generate(body).status == 200) }
      let left = try #require(try await Self.left(client))
      #expect(left <= 100 - 12 + 2)
    }
  }
}
