import JobQueue
import Testing

/// A bucket against a plain reckoning with fractions.
@Suite struct TokenBucketTests {
  @Test(arguments: [(1, 1), (10, 6), (60, 60), (7, 13), (1_000_000_000, 1), (3, 1_000_000_000)])
  func `Any order of taking, charging and waiting comes to the same as with fractions`(
    capacity: Int, refill: Int
  ) {
    let bucket = RateBucket(name: "a", capacity: capacity, refillPerMinute: refill)
    var content = TokenBucket(full: bucket, now: .zero)
    var (expected, milliseconds) = (Double(capacity), 0)
    for step in 0..<2_000 {
      let wait = [0, 1, 17, 999, 60_000][.random(in: 0..<5)]
      milliseconds += wait
      expected = min(Double(capacity), expected + Double(wait) * Double(refill) / 60_000)
      let now = Duration.milliseconds(milliseconds)
      let cost = Int.random(in: 0...capacity)
      if step % 3 == 0 {
        let charge = Bool.random() ? cost : -cost
        content.charge(charge, to: bucket, now: now)
        expected = min(max(expected - Double(charge), -Double(capacity)), Double(capacity))
      } else {
        let decision = content.take(cost, from: bucket, now: now)
        // So near to the border either answer is right.
        if abs(expected - Double(cost)) > 1e-3 { #expect(decision.isAllowed == (expected > Double(cost))) }
        if decision.isAllowed { expected -= Double(cost) }
        #expect(abs(Double(decision.remaining) - max(0, expected)) < 1.001)
        #expect(decision.remaining <= capacity)
        if let retryAfter = decision.retryAfter {
          var later = content
          #expect(!decision.isAllowed)
          #expect(later.take(cost, from: bucket, now: now + retryAfter).isAllowed)
          var sooner = content
          #expect(!sooner.take(cost, from: bucket, now: now + retryAfter - .milliseconds(1)).isAllowed)
        }
      }
    }
  }

  @Test func `A clock that is put back gives nothing twice, and stops nobody`() {
    let bucket = RateBucket(name: "a", capacity: 2, refillPerMinute: 60)
    var content = TokenBucket(full: bucket, now: .seconds(1_000))
    #expect(content.take(2, from: bucket, now: .seconds(1_000)).isAllowed)
    #expect(!content.take(1, from: bucket, now: .seconds(10)).isAllowed)
    #expect(content.take(1, from: bucket, now: .seconds(11)).isAllowed)
    #expect(!content.take(1, from: bucket, now: .seconds(11)).isAllowed)
  }

  @Test func `A bucket is full again exactly when it says so`() {
    let bucket = RateBucket(name: "a", capacity: 7, refillPerMinute: 13)
    var content = TokenBucket(full: bucket, now: .zero)
    let resetsAfter = content.take(5, from: bucket, now: .zero).resetsAfter
    #expect(content.timeToFull(bucket, now: .zero) == resetsAfter)
    #expect(content.timeToFull(bucket, now: resetsAfter - .milliseconds(1)) == .milliseconds(1))
    #expect(content.timeToFull(bucket, now: resetsAfter) == .zero)
  }

  @Test(arguments: [(0, 1), (-5, 1), (Int.max, 1_000_000_000)])
  func `A limit that can't be is the nearest that can`(given: Int, taken: Int) {
    let bucket = RateBucket(name: "a", capacity: given, refillPerMinute: given)
    #expect(bucket.capacity == taken)
    #expect(bucket.refillPerMinute == taken)
  }
}
