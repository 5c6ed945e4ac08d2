import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import Testing

/// Every error is JSON in OpenAI's shape, with the status of the interface's table.
@Suite struct ErrorTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let body: String
    let status: Int
    let code: String
    var param: String?
    var testDescription: String { String(body.prefix(60)) }
  }

  static let bodies: [Row] = [
    Row(body: "", status: 400, code: "malformed_json"),
    Row(body: "{", status: 400, code: "malformed_json"),
    Row(body: "[]", status: 400, code: "malformed_json"),
    Row(body: "prompt=hello", status: 400, code: "malformed_json"),
    Row(body: #"{"prompt":"a"} x"#, status: 400, code: "malformed_json"),
    Row(body: #"{"prompt":"a","prompt":"b"}"#, status: 400, code: "malformed_json"),
    Row(body: #"{"prompt":"a","top_p":NaN}"#, status: 400, code: "malformed_json"),
    Row(body: "{}", status: 422, code: "invalid_value", param: "prompt"),
    Row(body: #"{"prompt":""}"#, status: 422, code: "invalid_value", param: "prompt"),
    Row(
      body: #"{"prompt":"a","max_new_tokens":-1}"#, status: 422, code: "invalid_value",
      param: "max_new_tokens"
    ),
    Row(
      body: #"{"prompt":"a","max_new_tokens":"5"}"#, status: 422, code: "invalid_value",
      param: "max_new_tokens"),
    Row(body: #"{"prompt":"a","temperature":-1}"#, status: 422, code: "invalid_value", param: "temperature"),
    Row(body: #"{"prompt":"a","top_k":-1}"#, status: 422, code: "invalid_value", param: "top_k"),
    Row(body: #"{"prompt":"a","top_p":2}"#, status: 422, code: "invalid_value", param: "top_p"),
    Row(body: #"{"prompt":"a","max_tokens":5}"#, status: 422, code: "unknown_field", param: "max_tokens"),
    Row(body: #"{"prompt":"a","stream":1}"#, status: 422, code: "invalid_value", param: "stream"),
    Row(body: #"{"prompt":"a","echo":1}"#, status: 422, code: "invalid_value", param: "echo"),
    Row(body: #"{"prompt":"a","n":9}"#, status: 422, code: "invalid_value", param: "n"),
    Row(
      body: #"{"prompt":"a","reply_to":"{gpt2}:reply:x"}"#, status: 422, code: "not_supported",
      param: "reply_to"),
    Row(
      body: #"{"prompt":"\#(String(repeating: "a", count: 65_537))"}"#, status: 422, code: "invalid_value",
      param: "prompt"),
    Row(
      body: #"{"prompt":"\#(String(repeating: "a", count: 262_144))"}"#, status: 413, code: "too_large"),
  ]

  @Test("A body that is wrong says what is wrong", arguments: bodies)
  func body(row: Row) async throws {
    try await GatewayFixture().run { client in
      let reply = try await client.generate(row.body)
      #expect(reply.status == row.status)
      #expect(reply.error("code") == row.code)
      #expect(reply.error("param") == row.param)
      #expect(reply.error("type") == "invalid_request_error")
      #expect(reply.error("message")?.isEmpty == false)
      #expect(reply.header("x-request-id") != nil)
    }
  }

  @Test("A body that is too large is refused over a socket too")
  func hugeBody() async throws {
    try await GatewayFixture().run(.live) { client in
      let reply = try await client.generate(String(repeating: " ", count: 400_000))
      #expect(reply.status == 413)
      #expect(reply.error("code") == "too_large")
    }
  }

  private static let query = HTTPRequest.Method("QUERY") ?? .trace
  private static let missing: [(method: HTTPRequest.Method, path: String, status: Int, code: String)] = [
    (.get, "/nothing", 404, "not_found"), (.get, "/assets/none", 404, "not_found"),
    (query, "/generate", 405, "method_not_allowed"),
    (.trace, "/generate", 405, "method_not_allowed"), (.post, "/generat", 404, "not_found"),
    (.post, "/generate/x", 404, "not_found"), (.get, "/generate", 405, "method_not_allowed"),
    (.delete, "/generate", 405, "method_not_allowed"),
    (.post, "/health", 405, "method_not_allowed"), (.put, "/ready", 405, "method_not_allowed"),
  ]

  @Test("A route or a method that doesn't exist says so", arguments: missing)
  func routes(method: HTTPRequest.Method, path: String, status: Int, code: String) async throws {
    try await GatewayFixture().run { client in
      let reply = try await client.send(method, path)
      #expect(reply.status == status)
      #expect(reply.error("code") == code)
      #expect((reply.header("allow") != nil) == (status == 405))
    }
  }

  static let failures: [(code: JobFailure.Code, status: Int)] = [
    (.malformedJSON, 400), (.tooLarge, 413), (.invalidValue, 422), (.unknownField, 422), (.notSupported, 422),
    (.contextLengthExceeded, 422), (.workerCrashed, 500), (.internalError, 500),
    (.init(rawValue: "from_the_future"), 500),
  ]

  @Test("A job that failed has the status of its failure", arguments: failures)
  func failed(code: JobFailure.Code, status: Int) async throws {
    let fixture = GatewayFixture { job in
      .failed(id: job.id ?? "", JobFailure(code: code, message: "what happened", param: "top_k"))
    }
    try await fixture.run { client in
      let reply = try await client.generate(#"{"prompt":"a","id":"x1"}"#)
      #expect(reply.status == status)
      #expect(reply.error("code") == code.rawValue)
      #expect(reply.error("message") == "what happened")
      #expect(reply.error("param") == "top_k")
      #expect(reply.json?["id"]?.stringValue == "x1")
    }
  }

  @Test("An expired job is 504 and a cancelled one 409")
  func otherEnds() async throws {
    try await GatewayFixture { .expired(id: $0.id ?? "") }.run { client in
      let reply = try await client.generate(#"{"prompt":"a"}"#)
      #expect(reply.status == 504)
      #expect(reply.error("code") == "expired")
    }
    try await GatewayFixture { .cancelled(id: $0.id ?? "") }.run { client in
      let reply = try await client.generate(#"{"prompt":"a"}"#)
      #expect(reply.status == 409)
      #expect(reply.error("code") == "cancelled")
    }
  }

  static let queueErrors: [(code: JobQueueError.Code, status: Int, name: String, retries: Bool)] = [
    (.unavailable, 503, "queue_unavailable", true), (.queueFull, 429, "queue_full", true),
    (.storeFull, 503, "store_full", true), (.closed, 503, "closed", true),
    (.protocolError, 503, "protocol_error", true), (.idConflict, 409, "id_conflict", false),
    (.invalidConfiguration, 500, "invalid_configuration", false),
  ]

  @Test(
    "A queue that doesn't take the job has its status, and says when to try again", arguments: queueErrors)
  func queue(code: JobQueueError.Code, status: Int, name: String, retries: Bool) async throws {
    var fixture = GatewayFixture()
    let queue = ScriptedQueue(fixture.memory)
    queue.fail(.submit, with: JobQueueError(code, "out of order", retryAfter: .milliseconds(2500)))
    fixture.queue = queue
    try await fixture.run { client in
      let reply = try await client.generate(#"{"prompt":"a"}"#)
      #expect(reply.status == status)
      #expect(reply.error("message") == "out of order")
      #expect(reply.header("retry-after") == (retries ? "3" : nil))
      #expect(reply.error("code") == name)
    }
  }

  @Test("A request keeps its own x-request-id if that is safe to log, and gets one otherwise")
  func requestIDs() async throws {
    try await GatewayFixture().run { client in
      let own = try await client.send(.get, "/health", headers: [("x-request-id", "abc-1")])
      #expect(own.header("x-request-id") == "abc-1")
      let odd = try await client.send(.get, "/health", headers: [("x-request-id", "a b")])
      #expect(odd.header("x-request-id")?.isEmpty == false)
      #expect(odd.header("x-request-id") != "a b")
    }
  }
}
