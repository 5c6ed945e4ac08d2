import JobQueue
import JobQueueConformance
import Testing

@Suite("The limiter in memory")
struct InMemoryRateLimiterTests {
  @Test(arguments: RateLimiterCheck.all)
  func conforms(_ check: RateLimiterCheck) async throws {
    let clock = ManualClock()
    let limiter = InMemoryRateLimiter(clock: clock)
    try await check.run(RateLimiterUnderTest(limiter: limiter) { clock.advance(by: $0) })
  }

  @Test func `A bucket that is full again is forgotten`() async {
    let clock = ManualClock()
    let limiter = InMemoryRateLimiter(clock: clock)
    let bucket = RateBucket(name: "a", capacity: 2, refillPerMinute: 60)
    #expect(await limiter.take(0, from: bucket).isAllowed)
    #expect(limiter.count == 0)
    #expect(await limiter.take(2, from: bucket).isAllowed)
    #expect(limiter.count == 1)
    clock.advance(by: .seconds(2))
    #expect(await limiter.take(0, from: bucket).isAllowed)
    #expect(limiter.count == 0)
  }

  @Test func `However many callers come, no more buckets are remembered than allowed`() async {
    let clock = ManualClock()
    let limiter = InMemoryRateLimiter(maximumCount: 3, clock: clock)
    func bucket(_ name: String) -> RateBucket { RateBucket(name: name, capacity: 10, refillPerMinute: 10) }
    for (name, cost) in [("a", 9), ("b", 2), ("c", 5), ("d", 7)] {
      #expect(await limiter.take(cost, from: bucket(name)).isAllowed)
      #expect(limiter.count <= 3)
    }
    // The one who had used least gains least by being forgotten.
    let left = [
      await limiter.take(0, from: bucket("a")), await limiter.take(0, from: bucket("b")),
      await limiter.take(0, from: bucket("c")), await limiter.take(0, from: bucket("d")),
    ]
    #expect(left.map(\.remaining) == [1, 10, 5, 3])
    // Those that are full by now go first.
    clock.advance(by: .seconds(45))
    #expect(await limiter.take(10, from: bucket("e")).isAllowed)
    #expect(limiter.count == 2)
    #expect(await limiter.take(0, from: bucket("a")).remaining == 8)
  }
}
