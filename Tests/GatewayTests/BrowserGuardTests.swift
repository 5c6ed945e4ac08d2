import Gateway
import HTTPTypes
import HummingbirdTesting
import JobWire
import Testing

/// What browsers are told: whose pages may call, and what the service's own page may do.
@Suite(.timeLimit(.minutes(1))) struct BrowserGuardTests {
  private static let origin = ("origin", "https://example.org")

  private static func preflight(_ client: GatewayClient, from origin: String) async throws
    -> GatewayClient.Reply
  {
    try await client.send(
      .options, "/generate",
      headers: [
        ("origin", origin), ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-api-key, x-any-header"),
      ])
  }

  @Test("Without a setting no origin is allowed, and none is repeated")
  func off() async throws {
    try await GatewayFixture { GatewayFixture.completed($0) }.run { client in
      let reply = try await client.send(.post, "/generate", headers: [Self.origin], body: #"{"prompt":"a"}"#)
      #expect(reply.status == 200)
      #expect(!reply.headers.contains { $0.name.canonicalName.hasPrefix("access-control") })
      let preflight = try await Self.preflight(client, from: Self.origin.1)
      #expect(preflight.status == 405)
      #expect(!preflight.headers.contains { $0.name.canonicalName.hasPrefix("access-control") })
    }
  }

  @Test("An origin that is set may call with its key, and no other may, however alike")
  func named() async throws {
    var fixture = GatewayFixture { GatewayFixture.completed($0) }
    fixture.configuration.corsOrigins = ["https://example.org"]
    fixture.configuration.keys = try APIKeys(key: "a-key")
    try await fixture.run { client in
      let preflight = try await Self.preflight(client, from: Self.origin.1)
      #expect(preflight.status == 204)
      #expect(preflight.header("access-control-allow-origin") == "https://example.org")
      #expect(preflight.header("access-control-allow-headers") == "x-api-key, x-any-header")
      #expect(preflight.header("access-control-allow-credentials") == nil)
      let wrong = try await client.send(.post, "/generate", headers: [Self.origin], body: #"{"prompt":"a"}"#)
      #expect(wrong.status == 401)
      #expect(wrong.header("access-control-allow-origin") == "https://example.org")
      let right = try await client.send(
        .post, "/generate", headers: [Self.origin, ("x-api-key", "a-key")], body: #"{"prompt":"a"}"#)
      #expect(right.status == 200)
      #expect(right.header("vary") == "origin")
      for other in [
        "https://example.org.evil.net", "http://example.org", "https://example.org:444", "null",
        "https://EXAMPLE.org",
      ] {
        #expect(try await Self.preflight(client, from: other).status == 401)
      }
    }
  }

  @Test(
    "Without a key a page can't read what it made its own name lead to",
    arguments: [
      ("localhost", 200), ("LOCALHOST:8080", 200), ("gpt.localhost", 200), ("127.0.0.1:8080", 200),
      ("[::1]:8080", 200), ("192.168.1.2", 200), ("evil.example", 421), ("evil.example:8080", 421),
      ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421),
    ])
  func rebinding(host: String, status: Int) async throws {
    for (key, insecure) in [(nil, false), (nil, true), ("a-key", false)] as [(String?, Bool)] {
      var fixture = GatewayFixture()
      fixture.configuration.insecure = insecure
      if let key { fixture.configuration.keys = try APIKeys(key: key) }
      let expected = key == nil && !insecure ? status : 200
      try await fixture.run(.live) { client in
        let received = try await ConnectionTests.exchange(
          port: try #require(client.client.port),
          "GET /queue HTTP/1.1\r\nhost: \(host)\r\nx-api-key: a-key\r\nconnection: close\r\n\r\n")
        #expect(received.hasPrefix("HTTP/1.1 \(expected)"))
      }
    }
  }

  @Test(
    "What is no origin stops the start",
    arguments: ["*", "example.org", "https://example.org/", "https://", "https://*.example.org", "null"])
  func noOrigins(text: String) {
    var configuration = GatewayConfiguration()
    configuration.corsOrigins = [text]
    let error = #expect(throws: GatewayError.self) { try configuration.validate() }
    #expect(error?.setting == "CORS_ORIGINS")
  }

  @Test(
    "The pages run nothing that they did not bring, and are in no other page's frame",
    arguments: ["/", "/docs"])
  func policy(path: String) async throws {
    try await GatewayFixture().run { client in
      let page = try await client.send(.get, path)
      #expect(page.status == 200)
      #expect(page.header("content-type") == "text/html; charset=utf-8")
      let policy = page.header("content-security-policy") ?? ""
      for part in ["default-src 'self'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        #expect(policy.contains(part))
      }
      #expect(!policy.contains("unsafe"))
      #expect(page.header("x-content-type-options") == "nosniff")
      #expect(page.header("referrer-policy") == "no-referrer")
      #expect(!page.text.contains("<script>"))
    }
  }
}
