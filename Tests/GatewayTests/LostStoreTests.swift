import Gateway
import HummingbirdTesting
import JobQueue
import JobWire
import Testing

/// A request that was accepted survives the store.
@Suite struct LostStoreTests {
  static func fixture() -> (GatewayFixture, ScriptedQueue) {
    var fixture = GatewayFixture(answer: GatewayFixture.completed)
    let queue = ScriptedQueue(fixture.memory)
    fixture.queue = queue
    fixture.configuration.recheckInterval = .milliseconds(1)
    return (fixture, queue)
  }

  @Test("A job that the store forgot is submitted again, and answered", .timeLimit(.minutes(1)))
  func forgotten() async throws {
    let (fixture, queue) = Self.fixture()
    queue.lose(2)
    try await fixture.run { client in
      let reply = try await client.generate(#"{"prompt":"a"}"#)
      #expect(reply.status == 200)
      #expect(reply.json?["completion"]?.stringValue == "A")
    }
  }

  @Test(
    "While the store is away an accepted request waits, and is answered when it is back",
    .timeLimit(.minutes(1)))
  func away() async throws {
    let (fixture, queue) = Self.fixture()
    queue.lose(1)
    queue.fail(.state, with: JobQueueError(.unavailable, "gone"))
    try await fixture.run { client in
      async let reply = client.generate(#"{"prompt":"a"}"#)
      var refusals = 0
      for await call in queue.calls where call == .state {
        refusals += 1
        if refusals == 5 { break }
      }
      queue.fail(.state, with: nil)
      let status = try await reply.status
      #expect(status == 200)
    }
  }

  @Test("A result whose notice was lost is found", .timeLimit(.minutes(1)))
  func missedNotice() async throws {
    let (fixture, queue) = Self.fixture()
    queue.goDeaf()
    try await fixture.run { client in
      let reply = try await client.generate(#"{"prompt":"a"}"#)
      #expect(reply.status == 200)
      #expect(reply.json?["completion"]?.stringValue == "A")
    }
  }
}
