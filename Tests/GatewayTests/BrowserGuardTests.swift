import Gateway
import HTTPTypes
import JobWire
import Testing

/// What browsers are told: whose pages may call, and what the service's own page may do.
@Suite(.timeLimit(.minutes(1))) struct BrowserGuardTests {
  private static let origin = ("origin", "https://example.org")

  private static func preflight(_ client: GatewayClient, from origin: String) async throws
    -> GatewayClient.Reply
  {
    try await client.send(
      .options, "/generate", headers: [("origin", origin), ("access-control-request-method", "POST")])
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
      #expect(preflight.header("access-control-allow-headers")?.contains("x-api-key") == true)
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
