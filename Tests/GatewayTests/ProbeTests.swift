import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import Testing

/// `GET /health` and `GET /ready`.
@Suite struct ProbeTests {
  @Test("The process is healthy whatever the queue says")
  func health() async throws {
    var fixture = GatewayFixture()
    let queue = ScriptedQueue(fixture.memory)
    queue.fail(.ready, with: JobQueueError(.unavailable, "gone"))
    fixture.queue = queue
    try await fixture.run(.live) { client in
      let reply = try await client.send(.get, "/health")
      #expect(reply.status == 200)
      #expect(reply.json?["status"]?.stringValue == "ok")
      let head = try await client.send(.head, "/health")
      #expect(head.status == 200)
      #expect(head.text == "")
    }
  }

  @Test("Without a worker it is not ready, and says why")
  func notReady() async throws {
    try await GatewayFixture().run { client in
      let reply = try await client.send(.get, "/ready")
      #expect(reply.status == 503)
      #expect(reply.json?["reasons"]?.arrayValue?.count == 1)
      #expect(reply.header("retry-after") != nil)
    }
  }

  @Test("With a worker it is ready")
  func ready() async throws {
    try await GatewayFixture(answer: GatewayFixture.completed).run { client in
      // The answer shows that the worker has claimed.
      _ = try await client.generate(#"{"prompt":"a"}"#)
      let reply = try await client.send(.get, "/ready")
      #expect(reply.status == 200)
    }
  }
}
