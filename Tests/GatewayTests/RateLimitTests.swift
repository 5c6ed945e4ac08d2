import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import Testing

/// What happens to requests beyond a limit.
@Suite struct RateLimitTests {
  static let body = #"{"prompt":"a"}"#

  static func fixture(
    keys: String? = nil, requests: Int = 0, tokens: Int = 0
  ) throws -> (GatewayFixture, ScriptedLimiter) {
    var fixture = GatewayFixture(answer: GatewayFixture.completed)
    fixture.configuration.keys = try APIKeys(key: nil, file: keys)
    fixture.configuration.requestsPerMinute = requests
    fixture.configuration.tokensPerMinute = tokens
    let limiter = ScriptedLimiter()
    fixture.configuration.rateLimiter = limiter
    return (fixture, limiter)
  }

  @Test("Requests beyond the limit are told when to come again, and each what is left")
  func limited() async throws {
    let (fixture, _) = try Self.fixture(requests: 3)
    try await fixture.run { client in
      for left in [2, 1, 0] {
        let reply = try await client.generate(Self.body)
        #expect(reply.status == 200)
        #expect(reply.header("x-ratelimit-limit-requests") == "3")
        #expect(reply.header("x-ratelimit-remaining-requests") == "\(left)")
        #expect(reply.header("x-ratelimit-reset-requests") == "\(20 * (3 - left))")
        #expect(reply.header("x-ratelimit-limit-tokens") == nil)
        #expect(reply.header("retry-after") == nil)
      }
      let refused = try await client.generate(Self.body)
      #expect(refused.status == 429)
      #expect(refused.error("code") == "rate_limit_exceeded")
      #expect(refused.error("type") == "rate_limit_error")
      #expect(refused.error("message")?.contains("3 requests a minute") == true)
      #expect(refused.header("retry-after") == "20")
      #expect(refused.header("x-ratelimit-limit-requests") == "3")
      #expect(refused.header("x-ratelimit-remaining-requests") == "0")
      #expect(refused.header("x-ratelimit-reset-requests") == "60")
      #expect(refused.header("x-request-id") != nil)
    }
  }

  @Test("Each caller has a limit of its own: that of its key, or that of all; keys of one name share it")
  func callers() async throws {
    let keys = """
      alice:key-a
      bob:key-b requests_per_minute=1
      carol:key-c requests_per_minute=0
      dave:old requests_per_minute=3
      dave:new requests_per_minute=3
      """
    let (fixture, _) = try Self.fixture(keys: keys, requests: 2)
    try await fixture.run { client in
      func statuses(_ keys: [String]) async throws -> [Int] {
        var statuses: [Int] = []
        for key in keys {
          statuses.append(try await client.generate(Self.body, headers: [("x-api-key", key)]).status)
        }
        return statuses
      }
      #expect(
        try await statuses(["key-a", "key-b", "key-a", "key-b", "key-a"]) == [200, 200, 200, 429, 429])
      #expect(try await statuses(["old", "new", "old", "new", "old"]) == [200, 200, 200, 429, 429])
      #expect(try await statuses(Array(repeating: "key-c", count: 10)).allSatisfy { $0 == 200 })
      let free = try await client.generate(Self.body, headers: [("x-api-key", "key-c")])
      #expect(!free.headers.contains { $0.name.canonicalName.hasPrefix("x-ratelimit") })
    }
  }

  @Test("However many requests come at the same time, no more are answered than the limit allows")
  func crowd() async throws {
    let (fixture, _) = try Self.fixture(requests: 20)
    try await fixture.run { client in
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<100 { group.addTask { try await client.generate(Self.body).status } }
        return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
      }
      #expect(statuses == [200: 20, 429: 80])
    }
  }

  @Test("The probes are never limited, and say nothing of limits")
  func probes() async throws {
    let (fixture, limiter) = try Self.fixture(requests: 1, tokens: 1)
    try await fixture.run { client in
      for _ in 0..<5 {
        for path in ["/health", "/ready?x=1"] {
          let reply = try await client.send(.get, path)
          #expect(reply.status != 429)
          #expect(!reply.headers.contains { $0.name.canonicalName.hasPrefix("x-ratelimit") })
        }
      }
    }
    #expect(limiter.calls.isEmpty)
  }

  @Test("Who has no key is counted nowhere")
  func strangers() async throws {
    let (fixture, limiter) = try Self.fixture(keys: "alice:key-a", requests: 1, tokens: 1)
    try await fixture.run { client in
      for _ in 0..<3 {
        let reply = try await client.generate(Self.body, headers: [("x-api-key", "guess")])
        #expect(reply.status == 401)
        #expect(!reply.headers.contains { $0.name.canonicalName.hasPrefix("x-ratelimit") })
      }
    }
    #expect(limiter.calls.isEmpty)
  }

  @Test(
    "Every request counts, whatever becomes of it, and its answer tells what is left",
    arguments: [
      (HTTPRequest.Method.get, "/nothing", "", 404), (.get, "/generate", "", 405),
      (.post, "/generate", "{", 400), (.post, "/generate", #"{"prompt":"a","n":0.5}"#, 422),
      (.post, "/generate_stream", #"{"prompt":"a"}"#, 200),
    ])
  func failures(method: HTTPRequest.Method, path: String, body: String, status: Int) async throws {
    let (fixture, _) = try Self.fixture(requests: 1, tokens: 70)
    try await fixture.run { client in
      let reply = try await client.send(method, path, body: body)
      #expect(reply.status == status)
      #expect(reply.header("x-ratelimit-remaining-requests") == "0")
      #expect(reply.header("x-ratelimit-limit-tokens") == "70")
      #expect(try await client.send(method, path, body: body).status == 429)
    }
  }

  @Test("Without a limit nobody is asked")
  func unlimited() async throws {
    let (fixture, limiter) = try Self.fixture(keys: "alice:key-a\nbob:key-b requests_per_minute=0")
    try await fixture.run { client in
      for key in ["key-a", "key-b"] {
        let reply = try await client.generate(Self.body, headers: [("x-api-key", key)])
        #expect(reply.status == 200)
        #expect(!reply.headers.contains { $0.name.canonicalName.hasPrefix("x-ratelimit") })
      }
    }
    #expect(limiter.calls.isEmpty)
  }

  @Test("A limit of tokens alone counts no requests")
  func tokensAlone() async throws {
    let (fixture, limiter) = try Self.fixture(tokens: 100)
    try await fixture.run { client in
      let reply = try await client.send(.get, "/nothing")
      #expect(reply.header("x-ratelimit-limit-tokens") == "100")
      #expect(reply.header("x-ratelimit-remaining-tokens") == "100")
      #expect(reply.header("x-ratelimit-reset-tokens") == "0")
      #expect(reply.header("x-ratelimit-limit-requests") == nil)
    }
    #expect(limiter.calls == [.init(bucket: "tokens:anonymous", cost: 0)])
  }

  @Test(
    "A limiter that can't answer lets requests go on",
    arguments: [JobQueueError.Code.unavailable, .protocolError, .storeFull, .closed, .invalidConfiguration])
  func limiterAway(code: JobQueueError.Code) async throws {
    let (base, limiter) = try Self.fixture(requests: 1, tokens: 50)
    var fixture = base
    let queue = ScriptedQueue(fixture.memory)
    fixture.queue = queue
    limiter.fail(with: JobQueueError(code, "gone"))
    try await fixture.run { client in
      for _ in 0..<3 {
        let reply = try await client.generate(Self.body)
        #expect(reply.status == 200)
        #expect(!reply.headers.contains { $0.name.canonicalName.hasPrefix("x-ratelimit") })
      }
      // With one store for both, the queue is away too.
      queue.fail(.submit, with: JobQueueError(.unavailable, "gone", retryAfter: .seconds(1)))
      let reply = try await client.generate(Self.body)
      #expect(reply.status == 503)
      #expect(reply.error("code") == "queue_unavailable")
      queue.fail(.submit, with: nil)
      limiter.fail(with: nil)
      #expect(try await client.generate(Self.body).status == 200)
      #expect(try await client.generate(Self.body).status == 429)
    }
  }

  @Test(
    "A limit out of range stops the start", arguments: [-1, 1_000_000_001])
  func ranges(value: Int) {
    for (setting, field) in [
      ("REQUESTS_PER_MINUTE", \GatewayConfiguration.requestsPerMinute),
      ("TOKENS_PER_MINUTE", \.tokensPerMinute),
    ] {
      var configuration = GatewayConfiguration()
      configuration[keyPath: field] = value
      let error = #expect(throws: GatewayError.self) { try configuration.validate() }
      #expect(error?.setting == setting)
    }
  }
}
