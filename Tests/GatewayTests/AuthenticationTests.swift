import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import Testing

/// Who may call.
@Suite struct AuthenticationTests {
  static func fixture(key: String? = "secret", file: String? = nil) throws -> GatewayFixture {
    var fixture = GatewayFixture(answer: GatewayFixture.completed)
    fixture.configuration.keys = try APIKeys(key: key, file: file)
    return fixture
  }

  @Test(
    "The key is accepted in x-api-key and as a bearer token",
    arguments: [
      [("x-api-key", "secret")], [("authorization", "Bearer secret")], [("authorization", "bearer  secret")],
      [("authorization", "Basic x"), ("x-api-key", "secret")],
      [("authorization", "Bearer secret"), ("x-api-key", "wrong")],
    ])
  func accepted(headers: [(String, String)]) async throws {
    try await Self.fixture().run { client in
      let reply = try await client.generate(#"{"prompt":"a"}"#, headers: headers)
      #expect(reply.status == 200)
    }
  }

  @Test(
    "A missing key and a wrong one get the same answer",
    arguments: [
      [], [("x-api-key", "")], [("x-api-key", "secre")], [("x-api-key", "secrets")],
      [("x-api-key", "SECRET")],
      [("authorization", "secret")], [("authorization", "Basic secret")], [("authorization", "Bearer")],
      [("authorization", "Bearer secret x")],
    ] as [[(String, String)]])
  func refused(headers: [(String, String)]) async throws {
    try await Self.fixture().run { client in
      let none = try await client.generate(#"{"prompt":"a"}"#)
      let reply = try await client.generate(#"{"prompt":"a"}"#, headers: headers)
      #expect(reply.status == 401)
      #expect(reply.error("type") == "authentication_error")
      #expect(reply.header("www-authenticate") == "Bearer")
      #expect(reply.text == none.text)
    }
  }

  @Test(
    "Without a key nothing answers but the probes and the pages, however the path is spelt",
    arguments: [
      "/generate", "/generate/", "/queue", "/queue/dead/retry", "/info", "/docs/", "/assets/", "/assets/x",
      "/assets/../queue", "//", "/v1/models", "//generate", "/nothing", "/jobs/x", "/metrics", "/health/",
      "//health",
      "/health/../generate", "/%68ealth", "/HEALTH", "/ready/x", "/health%2f",
    ])
  func deniedByDefault(path: String) async throws {
    try await Self.fixture().run { client in
      for method in [HTTPRequest.Method.get, .post, .delete] {
        let reply = try await client.send(method, path)
        #expect(reply.status == 401)
      }
    }
  }

  @Test("The probes need no key")
  func probes() async throws {
    try await Self.fixture().run { client in
      for path in ["/health", "/health?x=1", "/ready"] {
        let reply = try await client.send(.get, path)
        #expect(reply.status != 401)
      }
    }
  }

  @Test("All keys of a file are accepted, with and without a name, and the key of the setting too")
  func file() async throws {
    let fixture = try Self.fixture(file: "# people\nalice:key-a\r\n\n  key-b  \nbob : with:colon \n")
    try await fixture.run { client in
      for key in ["secret", "key-a", "key-b", "with:colon"] {
        let reply = try await client.generate(#"{"prompt":"a"}"#, headers: [("x-api-key", key)])
        #expect(reply.status == 200)
      }
      for key in ["alice", "alice:key-a", "# people", "bob"] {
        let reply = try await client.generate(#"{"prompt":"a"}"#, headers: [("x-api-key", key)])
        #expect(reply.status == 401)
      }
    }
  }

  @Test("Two callers who choose the same id have two jobs")
  func scopes() async throws {
    let fixture = try Self.fixture(key: nil, file: "alice:key-a\nbob:key-b")
    try await fixture.run { client in
      let alice = try await client.generate(#"{"prompt":"a","id":"x"}"#, headers: [("x-api-key", "key-a")])
      let bob = try await client.generate(#"{"prompt":"b","id":"x"}"#, headers: [("x-api-key", "key-b")])
      #expect(alice.json?["completion"]?.stringValue == "A")
      #expect(bob.json?["completion"]?.stringValue == "B")
      let id = try #require(alice.json?["id"]?.stringValue)
      #expect(id.hasSuffix("-x"))
      let again = try await client.generate(
        #"{"prompt":"a","id":"\#(id)"}"#, headers: [("x-api-key", "key-a")])
      #expect(again.text == alice.text)
      let stolen = try await client.generate(
        #"{"prompt":"a","id":"\#(id)"}"#, headers: [("x-api-key", "key-b")])
      #expect(stolen.json?["id"]?.stringValue != id)
    }
  }

  @Test("The longest id still works with a key, and stays the same")
  func longestID() async throws {
    let body = #"{"prompt":"a","id":"\#(String(repeating: "i", count: 64))"}"#
    try await Self.fixture().run { client in
      let first = try await client.generate(body, headers: [("x-api-key", "secret")])
      let second = try await client.generate(body, headers: [("x-api-key", "secret")])
      #expect(first.status == 200)
      #expect(first.text == second.text)
    }
  }

  @Test(
    "A key that no header can carry, and a file without keys, stop the start",
    arguments: [
      (" ", nil), ("kéy", nil), ("a\nb", nil), (nil, ""), (nil, "# nothing\n\n"), (nil, "alice:"),
      (nil, ":key"),
      (nil, "a b:key"),
    ] as [(String?, String?)])
  func badKeys(key: String?, file: String?) {
    #expect(throws: GatewayError.self) { try APIKeys(key: key, file: file) }
  }

  @Test("An empty API_KEY is no key")
  func noKey() throws {
    #expect(try APIKeys(key: "").isEmpty)
    #expect(try APIKeys.load(key: nil, filePath: nil).isEmpty)
    #expect(throws: GatewayError.self) { try APIKeys.load(key: nil, filePath: "/nowhere/keys") }
  }
}
