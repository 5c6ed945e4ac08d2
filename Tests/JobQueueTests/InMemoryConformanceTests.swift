import JobQueue
import JobQueueConformance
import ServiceLifecycle
import Testing

@Suite("The queue in memory")
struct InMemoryConformanceTests {
  @Test(arguments: ConformanceCheck.all)
  func conforms(_ check: ConformanceCheck) async throws {
    let clock = ManualClock()
    let queue = InMemoryJobQueue(
      limits: QueueUnderTest.limits, clock: clock, identify: TestPayload.identify)
    try await withRunning([queue]) {
      try await check.run(
        QueueUnderTest(producer: queue, consumer: queue, inspector: queue) { clock.advance(by: $0) })
    }
  }

  @Test func `A queue without a worker is not ready`() async throws {
    let queue = InMemoryJobQueue(identify: TestPayload.identify)
    await #expect { try await queue.ready() } throws: { ($0 as? JobQueueError)?.code == .unavailable }
  }

  @Test func `Shutdown ends the streams and refuses calls`() async throws {
    let queue = InMemoryJobQueue(identify: TestPayload.identify)
    let events = queue.subscribe(to: .test("a"))
    try await withRunning([queue]) {
      _ = try await queue.submit(JobSubmission(id: .test("a"), payload: TestPayload.make(.test("a"))))
    }
    await #expect { try await events.result() } throws: { ($0 as? JobQueueError)?.code == .closed }
    await #expect { try await queue.claim(upTo: 1, waiting: .zero) } throws: {
      ($0 as? JobQueueError)?.code == .closed
    }
  }

  @Test func `A claim ends when its time is over`() async throws {
    let clock = ManualClock()
    let queue = InMemoryJobQueue(clock: clock, identify: TestPayload.identify)
    async let claimed = queue.claim(upTo: 1, waiting: .seconds(5))
    await clock.waitForSleeper()
    clock.advance(by: .seconds(5))
    #expect(try await claimed.isEmpty)
  }
}
