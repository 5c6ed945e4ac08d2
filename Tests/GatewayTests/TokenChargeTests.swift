import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import NIOCore
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

  @Test("What a cancelled job had made stays charged, and the rest is given back")
  func cancelled() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.tokensPerMinute = 100
    let memory = fixture.memory
    try await fixture.run(.live) { client in
      let body = #"{"prompt":"a","max_new_tokens":90,"id":"x1"}"#
      // One whose client leaves, and one that is cancelled: each is given time to hear of it.
      let port = try #require(client.client.port)
      let channel = try await ConnectionTests.connect(port: port)
      let worker = try await channel.executeThenClose { _, outbound in
        try await outbound.write(ByteBuffer(string: ConnectionTests.post(body)))
        return try await HandWorker.take(from: memory)
      }
      for await interruption in memory.interruptions where interruption == .cancelled(worker.id) { break }
      #expect(try #require(try await Self.left(client)) <= 12)
      try await worker.post(
        .cancelled(id: "x1", usage: .init(promptTokens: 1, completionTokens: 30)))
      while try #require(try await Self.left(client)) < 70 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(try #require(try await Self.left(client)) < 95)
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
      #expect((100 - 12...100 - 12 + 2).contains(left))
    }
  }
}
