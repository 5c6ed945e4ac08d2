import Gateway
import HTTPTypes
import JobQueue
import JobWire
import Logging
import Synchronization
import Testing

/// What never gets into the logs, nor into an answer that it does not belong to.
@Suite(.timeLimit(.minutes(1))) struct SecrecyTests {
  @Test("Neither prompts, texts, keys nor queries are logged, at any level")
  func logs() async throws {
    var fixture = GatewayFixture { GatewayFixture.completed($0) }
    fixture.configuration.keys = try APIKeys(key: nil, file: "alice:the-secret-key")
    let log = RecordedLog()
    fixture.logger = log.logger
    try await fixture.run { client in
      let key = ("x-api-key", "the-secret-key")
      for body in [
        #"{"prompt":"the-secret-prompt"}"#, #"{"prompt":"the-secret-prompt","the-secret-field":1}"#,
        #"{"prompt":"the-secret-prompt","#, #"{"prompt":"the-secret-prompt","stream":true}"#,
      ] {
        _ = try await client.send(.post, "/generate?q=the-secret-query", headers: [key], body: body)
        _ = try await client.send(.post, "/jobs", headers: [key], body: body)
      }
      _ = try await client.send(.post, "/generate", headers: [("x-api-key", "the-secret-guess")], body: "{}")
    }
    #expect(log.text.contains("/generate"))
    let requests = log.metadata(of: "request")
    #expect(requests.count == 9)
    #expect(requests.count { $0["status"] == "401" } == 1)
    #expect(requests.allSatisfy { $0["key"] == ($0["status"] == "401" ? nil : "alice") })
    #expect(!log.text.lowercased().contains("secret"))
  }
}

/// Keeps everything that is logged.
private final class RecordedLog: Sendable {
  private let lines = Mutex<[(message: String, metadata: Logger.Metadata)]>([])

  var text: String { lines.withLock { $0.map { "\($0.message) \($0.metadata)" }.joined(separator: "\n") } }

  /// What the lines with this message carry.
  func metadata(of message: String) -> [Logger.Metadata] {
    lines.withLock { $0.filter { $0.message == message }.map(\.metadata) }
  }

  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(log: self) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { $1 }
      log.lines.withLock { $0.append(("\(event.message)", all)) }
    }
  }
}
