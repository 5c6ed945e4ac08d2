import Gateway
import HTTPTypes
import JobWire
import Logging
import Testing

/// The description of the interface, against the routes.
@Suite(.timeLimit(.minutes(1))) struct OpenAPITests {
  private static let methods: [HTTPRequest.Method] = [.get, .post, .put, .delete, .patch]

  @Test("The document names every path and every method of the router, and no other")
  func routes() async throws {
    let fixture = GatewayFixture()
    let paths = try GatewayApplication.paths(
      configuration: fixture.configuration, queue: fixture.queue,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await fixture.run { client in
      let document = try #require(try await client.send(.get, "/openapi.json").json)
      let documented = document["paths"]?.fieldsValue ?? []
      #expect(Set(documented.map(\.name)) == paths)
      for path in documented {
        for method in Self.methods {
          let concrete = path.name.replacing("{id}", with: "x").replacing("{model}", with: "x")
            .replacing("{name}", with: "x")
          let status = try await client.send(method, concrete).status
          let isDocumented = path.value[method.rawValue.lowercased()] != nil
          #expect((status != 405) == isDocumented, "\(method) \(path.name)")
        }
      }
    }
  }

  @Test("The document names every field of every body, and no other")
  func fields() async throws {
    try await GatewayFixture().run { client in
      let document = try #require(try await client.send(.get, "/openapi.json").json)
      func names(_ schema: String) -> Set<String> {
        Set(
          document["components"]?["schemas"]?[schema]?["properties"]?.fieldsValue?.map(\.name) ?? [])
      }
      #expect(names("GenerateRequest") == Set(JobRequest.fieldNames).subtracting(["reply_to"]))
      #expect(names("CompletionRequest") == Set(CompletionRequest.fieldNames))
      #expect(names("ClassifyRequest") == Set(ClassifyRequest.fieldNames))
      #expect(names("TokenizeRequest") == Set(TokenizeRequest.tokenizeFields))
      #expect(names("DetokenizeRequest") == Set(TokenizeRequest.detokenizeFields))
    }
  }

  @Test(
    "The names that are token ids match the ids up to the last one, and nothing else",
    arguments: [0, 7, 9, 10, 99, 100, 4095, 50256])
  func numberPattern(limit: Int) throws {
    let pattern = try Regex(OpenAPIDocument.pattern(upTo: limit))
    for number in 0...limit { #expect(String(number).wholeMatch(of: pattern) != nil) }
    for number in limit + 1...limit + 1200 { #expect(String(number).wholeMatch(of: pattern) == nil) }
    for text in ["", "00", "01", "-1", "1.0", "a", " 1"] { #expect(text.wholeMatch(of: pattern) == nil) }
  }

  @Test("The limits in the document are those that hold")
  func limits() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.limits.maxNewTokens = 77
    fixture.configuration.limits.maxPrompts = 3
    fixture.configuration.limits.maxStopStrings = 2
    fixture.configuration.limits.maxStopLength = 40
    fixture.configuration.limits.maxLogitBiases = 6
    fixture.configuration.version = "9.8.7"
    try await fixture.run { client in
      let document = try #require(try await client.send(.get, "/openapi.json").json)
      let properties = document["components"]?["schemas"]?["GenerateRequest"]?["properties"]
      #expect(properties?["max_new_tokens"]?["maximum"]?.integerValue == 77)
      #expect(
        properties?["prompt"]?["oneOf"]?.arrayValue?.compactMap { $0["maxItems"]?.integerValue } == [3])
      let stop = properties?["stop"]?["oneOf"]?.arrayValue ?? []
      #expect(stop.compactMap { $0["maxItems"]?.integerValue } == [2])
      #expect(stop.compactMap { ($0["items"] ?? $0)["maxLength"]?.integerValue } == [40, 40])
      #expect(properties?["logit_bias"]?["maxProperties"]?.integerValue == 6)
      #expect(document["info"]?["version"]?.stringValue == "9.8.7")
    }
  }
}
