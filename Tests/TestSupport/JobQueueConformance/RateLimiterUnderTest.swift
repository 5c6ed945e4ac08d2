package import JobQueue

/// A limiter with a hand on its clock.
package struct RateLimiterUnderTest: Sendable {
  package let limiter: any RateLimiter
  /// Makes the limiter believe that so much time went by.
  package let advance: @Sendable (Duration) async throws -> Void

  package init(limiter: any RateLimiter, advance: @escaping @Sendable (Duration) async throws -> Void) {
    self.limiter = limiter
    self.advance = advance
  }

  /// One comes back in ten seconds: slowly enough for a test that takes a few of them.
  static let slow = RateBucket(name: "slow", capacity: 10, refillPerMinute: 6)
}
