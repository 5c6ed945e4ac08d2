import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Synchronization
import Testing

/// Everything goes wrong at once, and in the end each job must have one answer and leave nothing behind.
@Suite("Chaos", .timeLimit(.minutes(3)))
struct ChaosTests {
  @Test func `No accepted job is lost, answered twice or left behind`() async throws {
    let server = try RedisTestServer(appendOnly: true, arguments: ["--appendfsync", "everysec"])
    let fixture = try {
      var fixture = try RedisFixture(on: server)
      fixture.configuration.limits.capacity = 1_000
      fixture.configuration.maxAttempts = 1_000
      fixture.configuration.lease = .seconds(2)
      return fixture
    }()
    let producer = try fixture.makeProducer()
    let ids = (0..<200).map { JobID.test("n\($0)") }
    let finished = Flag()
    // One lives long enough to see that others don't: they may leave while Redis is away.
    let survivor = try fixture.makeConsumer()
    try await withRunning([producer, survivor]) {
      try await withThrowingTaskGroup { group in
        for _ in 0..<3 {
          group.addTask {
            while !finished.isRaised { try await self.liveAndDie(fixture) }
          }
        }
        group.addTask {
          for round in 0..<8 {
            try await until { try await producer.status().depth[.default, default: 0] < 190 - round * 20 }
            if round % 4 == 2 {
              server.crash()
              try server.start()
            } else {
              _ = try? server.probe().send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            }
          }
        }
        let streams = ids.map { producer.subscribe(to: $0) }
        for id in ids { try await submit(id, to: producer) }
        for (id, stream) in zip(ids, streams) {
          var results: [[UInt8]] = []
          for await case .finished(let result) in stream { results.append(result) }
          #expect(results == [Array(id.rawValue.utf8)])
        }
        finished.raise()
        try await group.waitForAll()
      }
    }
    // What the last of the dead held is found by the next living worker, which has nothing left to do.
    let last = try fixture.makeConsumer()
    let observer = try fixture.makeProducer()
    try await withRunning([last]) {
      try await until {
        for job in try await last.claim(upTo: 50, waiting: .milliseconds(50)) {
          guard let id = job.envelope?.id else { continue }
          #expect(try await last.start(job, id: id, timeToLive: nil) == .alreadyFinished)
        }
        let status = try await observer.status()
        return status.running == 0 && status.depth.values.allSatisfy { $0 == 0 }
      }
    }
    #expect(try await observer.status().dead == 0)
  }

  /// A worker that runs a few jobs, and then is gone with some in its hands.
  private func liveAndDie(_ fixture: RedisFixture) async throws {
    let consumer = try fixture.makeConsumer()
    let service = Task { try await consumer.run() }
    for _ in 0..<Int.random(in: 2...6) {
      let jobs = (try? await consumer.claim(upTo: 4, waiting: .milliseconds(50))) ?? []
      for job in jobs.dropLast(Int.random(in: 0...1)) {
        guard let envelope = job.envelope,
          case .run = try await consumer.start(job, id: envelope.id, timeToLive: nil)
        else { continue }
        let body = Array(envelope.id.rawValue.utf8)
        let piece = JobProgress(
          job: job, id: envelope.id, sequence: 1, body: body, replyTo: envelope.replyTo)
        if (try? await consumer.emit(piece)) == .fenced { continue }
        try await consumer.post(job, id: envelope.id, result: body, replyTo: envelope.replyTo)
      }
      if Int.random(in: 0..<3) == 0 { try? fixture.silence(consumer) }
    }
    service.cancel()
    _ = await service.result
  }
}

/// Raised once.
private final class Flag: Sendable {
  private let state = Mutex(false)
  var isRaised: Bool { state.withLock { $0 } }
  func raise() { state.withLock { $0 = true } }
}
