import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("The limiter on Redis", .timeLimit(.minutes(2)))
struct RedisRateLimiterTests {
  static let bucket = RateBucket(name: "requests:alice", capacity: 10, refillPerMinute: 6)

  @Test(arguments: RateLimiterCheck.all)
  func conforms(_ check: RateLimiterCheck) async throws {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    try await check.run(RateLimiterUnderTest(limiter: producer.rateLimiter) { try fixture.advance(by: $0) })
  }

  @Test func `All gateways of a queue share a bucket`() async throws {
    let fixture = try RedisFixture()
    let producers = try (0..<3).map { _ in try fixture.makeProducer() }
    let given = try await withThrowingTaskGroup(of: Int.self) { group in
      for producer in producers {
        group.addTask {
          var given = 0
          for _ in 0..<10 where try await producer.rateLimiter.take(1, from: Self.bucket).isAllowed {
            given += 1
          }
          return given
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(given == 10)
    try await producers[0].rateLimiter.charge(-4, to: Self.bucket)
    #expect(try await producers[1].rateLimiter.take(0, from: Self.bucket).remaining == 4)
  }

  @Test func `Gateways of a queue with shards share one bucket, and those of another queue have another`()
    async throws
  {
    var fixture = try RedisFixture()
    fixture.configuration.shards = 4
    let configuration = fixture.configuration
    func make(_ configuration: RedisConfiguration) throws -> ShardedJobProducer {
      try ShardedJobProducer(
        configuration: configuration, logger: RedisFixture.logger, identify: TestPayload.identify)
    }
    let (one, two, other) = (
      try make(configuration), try make(configuration), try make(RedisFixture().configuration)
    )
    #expect(try await one.rateLimiter.take(10, from: Self.bucket).isAllowed)
    #expect(try await !two.rateLimiter.take(1, from: Self.bucket).isAllowed)
    #expect(try await other.rateLimiter.take(1, from: Self.bucket).isAllowed)
  }

  @Test func `A bucket has one key with a lifetime, and none once it is full`() async throws {
    let fixture = try RedisFixture()
    let limiter = try fixture.makeProducer().rateLimiter
    let probe = try fixture.server.probe()
    let key = fixture.key("rate:requests:alice")
    #expect(try await limiter.take(0, from: Self.bucket).isAllowed)
    #expect(try probe.send("EXISTS", key).integer == 0)
    #expect(try await limiter.take(3, from: Self.bucket).isAllowed)
    let life = try probe.send("PTTL", key).integer ?? 0
    #expect((29_000...30_000).contains(life))
    #expect(try probe.send("KEYS", fixture.key("*")).array?.count == 1)
    try await limiter.charge(-3, to: Self.bucket)
    #expect(try probe.send("EXISTS", key).integer == 0)
  }

  @Test func `What is refused writes nothing`() async throws {
    let fixture = try RedisFixture()
    let limiter = try fixture.makeProducer().rateLimiter
    #expect(try await limiter.take(10, from: Self.bucket).isAllowed)
    let probe = try fixture.server.probe()
    let key = fixture.key("rate:requests:alice")
    let before = try probe.send("HGETALL", key)
    for _ in 0..<5 { #expect(try await !limiter.take(5, from: Self.bucket).isAllowed) }
    #expect(try probe.send("HGETALL", key) == before)
  }

  @Test func `A clock of Redis that was put back gives nothing, and stops nobody for longer than a refill`()
    async throws
  {
    let fixture = try RedisFixture()
    let limiter = try fixture.makeProducer().rateLimiter
    #expect(try await limiter.take(10, from: Self.bucket).isAllowed)
    try fixture.server.probe().send("HINCRBY", fixture.key("rate:requests:alice"), "t", "3600000")
    #expect(try await !limiter.take(1, from: Self.bucket).isAllowed)
    try fixture.advance(by: .seconds(10))
    #expect(try await limiter.take(1, from: Self.bucket).isAllowed)
  }

  @Test func `Without Redis it says so at once, and it works again when Redis is back`() async throws {
    let server = try RedisTestServer()
    // A patience of 30 s for jobs.
    let fixture = try RedisFixture(on: server)
    let producer = try fixture.makeProducer()
    let limiter = producer.rateLimiter
    #expect(try await limiter.take(10, from: Self.bucket).isAllowed)
    server.crash()
    let start = ContinuousClock.now
    for _ in 0..<20 {
      await #expect { try await limiter.take(1, from: Self.bucket) } throws: {
        ($0 as? JobQueueError)?.code == .unavailable
      }
      await #expect { try await limiter.charge(-1, to: Self.bucket) } throws: {
        ($0 as? JobQueueError)?.code == .unavailable
      }
    }
    #expect(start.duration(to: .now) < .seconds(5))
    try server.start()
    try await until { (try? await limiter.take(1, from: Self.bucket))?.isAllowed == true }
  }

  @Test func `A Redis whose memory is used up still counts`() async throws {
    let server = try RedisTestServer()
    let limiter = try RedisFixture(on: server).makeProducer().rateLimiter
    #expect(try await limiter.take(9, from: Self.bucket).isAllowed)
    try server.probe().send("CONFIG", "SET", "maxmemory", "1")
    #expect(try await limiter.take(1, from: Self.bucket).isAllowed)
    #expect(try await !limiter.take(1, from: Self.bucket).isAllowed)
    try await limiter.charge(-1, to: Self.bucket)
    #expect(try await limiter.take(1, from: Self.bucket).isAllowed)
  }

  @Test func `After the shutdown of its producer it refuses`() async throws {
    let producer = try RedisFixture().makeProducer()
    let limiter = producer.rateLimiter
    try await withRunning([producer]) { () async throws in
      #expect(try await limiter.take(1, from: Self.bucket).isAllowed)
    }
    await #expect { try await limiter.take(1, from: Self.bucket) } throws: {
      ($0 as? JobQueueError)?.code == .closed
    }
  }

  @Test func `A key that is none of a limiter's is an error, and no way past`() async throws {
    let fixture = try RedisFixture()
    let limiter = try fixture.makeProducer().rateLimiter
    try fixture.server.probe().send("SET", fixture.key("rate:requests:alice"), "x")
    await #expect { try await limiter.take(1, from: Self.bucket) } throws: {
      ($0 as? JobQueueError)?.code == .protocolError
    }
  }
}
