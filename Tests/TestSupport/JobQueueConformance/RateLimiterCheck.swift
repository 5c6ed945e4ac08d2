import JobQueue
import Testing

/// One thing that every limiter must do.
package struct RateLimiterCheck: Sendable, CustomTestStringConvertible {
  package let testDescription: String
  package let run: @Sendable (RateLimiterUnderTest) async throws -> Void

  init(_ description: String, _ run: @escaping @Sendable (RateLimiterUnderTest) async throws -> Void) {
    testDescription = description
    self.run = run
  }

  /// The whole suite.
  package static let all = taking + charging + sharing

  private static let slow = RateLimiterUnderTest.slow

  private static let taking = [
    RateLimiterCheck("a new bucket is full, and gives what it has") { test async throws in
      let first = try await test.limiter.take(0, from: slow)
      #expect(first.isAllowed && first.limit == 10 && first.remaining == 10)
      #expect(first.resetsAfter == .zero && first.retryAfter == nil)
      for left in (0..<10).reversed() {
        let decision = try await test.limiter.take(1, from: slow)
        #expect(decision.isAllowed)
        #expect(decision.remaining == left)
      }
      let empty = try await test.limiter.take(1, from: slow)
      #expect(!empty.isAllowed && empty.remaining == 0)
      // A little time goes by during the test.
      #expect((.seconds(90) ... .seconds(100)).contains(empty.resetsAfter))
      #expect((.milliseconds(1) ... .seconds(10)).contains(empty.retryAfter ?? .zero))
    },
    RateLimiterCheck("what is refused takes nothing, and says when there will be enough") {
      test async throws in
      #expect(try await test.limiter.take(8, from: slow).isAllowed)
      let refused = try await test.limiter.take(5, from: slow)
      #expect(!refused.isAllowed && refused.remaining == 2)
      #expect((.seconds(20) ... .seconds(30)).contains(refused.retryAfter ?? .zero))
      #expect(try await test.limiter.take(2, from: slow).isAllowed)
    },
    RateLimiterCheck("after the time that a refusal names it is allowed") { test async throws in
      #expect(try await test.limiter.take(10, from: slow).isAllowed)
      let refused = try await test.limiter.take(3, from: slow)
      #expect(!refused.isAllowed)
      try await test.advance(.seconds(20))
      #expect(try await !test.limiter.take(3, from: slow).isAllowed)
      try await test.advance(.seconds(10))
      #expect(try await test.limiter.take(3, from: slow).isAllowed)
      #expect(try await !test.limiter.take(1, from: slow).isAllowed)
    },
    RateLimiterCheck("a bucket never holds more than its capacity") { test async throws in
      #expect(try await test.limiter.take(1, from: slow).isAllowed)
      try await test.advance(.seconds(3_600))
      #expect(try await test.limiter.take(0, from: slow).remaining == 10)
      #expect(try await test.limiter.take(10, from: slow).isAllowed)
      #expect(try await !test.limiter.take(1, from: slow).isAllowed)
    },
    RateLimiterCheck("more than the capacity is never allowed, whatever the number") { test async throws in
      for cost in [11, 1_000_000_000, Int.max] {
        let refused = try await test.limiter.take(cost, from: slow)
        #expect(!refused.isAllowed && refused.retryAfter == nil && refused.remaining == 10)
      }
    },
    RateLimiterCheck("the largest bucket is exact") { test async throws in
      let large = RateBucket(name: "large", capacity: .max, refillPerMinute: 1)
      #expect(large.capacity == 1_000_000_000)
      #expect(try await test.limiter.take(999_999_999, from: large).remaining == 1)
      #expect(try await test.limiter.take(1, from: large).remaining == 0)
      #expect(try await !test.limiter.take(1, from: large).isAllowed)
      try await test.advance(.seconds(60))
      #expect(try await test.limiter.take(1, from: large).isAllowed)
    },
    RateLimiterCheck("a cost below 0 is no way to get more") { test async throws in
      #expect(try await test.limiter.take(10, from: slow).isAllowed)
      #expect(try await test.limiter.take(-5, from: slow).remaining == 0)
    },
  ]

  private static let charging = [
    RateLimiterCheck("what was not used is given back") { test async throws in
      #expect(try await test.limiter.take(8, from: slow).isAllowed)
      try await test.limiter.charge(-5, to: slow)
      #expect(try await test.limiter.take(0, from: slow).remaining == 7)
      try await test.limiter.charge(-100, to: slow)
      #expect(try await test.limiter.take(0, from: slow).remaining == 10)
    },
    RateLimiterCheck("what was used beyond is owed, and no more than a capacity of it") { test async throws in
      try await test.limiter.charge(12, to: slow)
      let owing = try await test.limiter.take(1, from: slow)
      #expect(!owing.isAllowed && owing.remaining == 0)
      #expect((.seconds(20) ... .seconds(30)).contains(owing.retryAfter ?? .zero))
      try await test.limiter.charge(.max, to: slow)
      #expect(
        (.seconds(190) ... .seconds(200)).contains(try await test.limiter.take(0, from: slow).resetsAfter))
      try await test.advance(.seconds(110))
      #expect(try await test.limiter.take(1, from: slow).isAllowed)
      try await test.limiter.charge(.min, to: slow)
      #expect(try await test.limiter.take(0, from: slow).remaining == 10)
    },
  ]

  private static let sharing = [
    RateLimiterCheck("each name has a bucket of its own, whatever is in it") { test async throws in
      let names = ["a", "b", "a b", "a:b", "{x}", "*", "ä\u{0}"]
      for name in names {
        let bucket = RateBucket(name: name, capacity: 1, refillPerMinute: 1)
        #expect(try await test.limiter.take(1, from: bucket).isAllowed)
        #expect(try await !test.limiter.take(1, from: bucket).isAllowed)
      }
    },
    RateLimiterCheck("another limit for a name holds at once") { test async throws in
      #expect(try await test.limiter.take(4, from: slow).isAllowed)
      let less = RateBucket(name: slow.name, capacity: 5, refillPerMinute: 6)
      #expect(try await test.limiter.take(0, from: less).remaining == 5)
      #expect(try await test.limiter.take(5, from: less).isAllowed)
      #expect(try await !test.limiter.take(1, from: slow).isAllowed)
    },
    RateLimiterCheck("however many take at the same time, no more is given than there is") {
      test async throws in
      let bucket = RateBucket(name: "crowd", capacity: 100, refillPerMinute: 1)
      let given = try await withThrowingTaskGroup(of: Int.self) { group in
        for task in 0..<16 {
          group.addTask {
            var given = 0
            for turn in 0..<50 {
              let cost = 1 + (task + turn) % 3
              if try await test.limiter.take(cost, from: bucket).isAllowed { given += cost }
            }
            return given
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(given == 100)
      #expect(try await test.limiter.take(0, from: bucket).remaining == 0)
    },
    RateLimiterCheck("however many take and give back at the same time, the sum is right") {
      test async throws in
      let bucket = RateBucket(name: "turnover", capacity: 1_000, refillPerMinute: 1)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 {
          group.addTask {
            for _ in 0..<10 {
              #expect(try await test.limiter.take(20, from: bucket).isAllowed)
              try await test.limiter.charge(-18, to: bucket)
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await test.limiter.take(0, from: bucket).remaining == 600)
    },
  ]
}
