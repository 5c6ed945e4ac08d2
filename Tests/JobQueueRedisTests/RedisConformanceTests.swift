import JobQueue
import JobQueueConformance
import JobQueueRedis
import Testing

@Suite("The queue on Redis", .timeLimit(.minutes(3)))
struct RedisConformanceTests {
  @Test(arguments: ConformanceCheck.all)
  func conforms(_ check: ConformanceCheck) async throws {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    try await withRunning([producer, consumer]) {
      try await check.run(
        QueueUnderTest(producer: producer, consumer: consumer, inspector: producer) {
          try fixture.advance(by: $0)
        })
    }
  }
}
