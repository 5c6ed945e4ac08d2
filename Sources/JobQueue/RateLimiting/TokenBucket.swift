/// What a `RateBucket` holds at some time. It is full in the beginning.
///
/// It is reckoned in 60,000ths of a unit: a refill of one unit a minute adds one of them a millisecond, so there is
/// nothing to round, and `RedisScripts.take` comes to the same numbers.
package struct TokenBucket: Sendable {
  package static let sharesPerUnit = 60_000

  /// Less than 0 after a charge of more than there was.
  private var shares: Int
  /// In milliseconds, of when `shares` is.
  private var time: Int

  package init(full bucket: RateBucket, now: Duration) {
    shares = bucket.capacityInShares
    time = Self.milliseconds(now)
  }

  /// Takes the cost if there is as much; a cost of 0 only looks.
  package mutating func take(_ cost: Int, from bucket: RateBucket, now: Duration) -> RateDecision {
    refill(bucket, now: now)
    let wanted = RateBucket.bounded(cost: max(0, cost)) * Self.sharesPerUnit
    let isAllowed = shares >= wanted
    if isAllowed { shares -= wanted }
    return RateDecision(isAllowed: isAllowed, cost: cost, shares: shares, bucket: bucket)
  }

  /// Takes the cost whether or not there is as much, or gives back what is less than 0. The bucket becomes no more
  /// than full, and lacks no more than its capacity: a debt is over in the time of two refills.
  package mutating func charge(_ cost: Int, to bucket: RateBucket, now: Duration) {
    refill(bucket, now: now)
    let full = bucket.capacityInShares
    shares = min(max(shares - RateBucket.bounded(cost: cost) * Self.sharesPerUnit, -full), full)
  }

  /// When it will be full; zero if it is.
  package func timeToFull(_ bucket: RateBucket, now: Duration) -> Duration {
    var later = self
    later.refill(bucket, now: now)
    return .milliseconds(bucket.milliseconds(toGain: bucket.capacityInShares - later.shares))
  }

  private mutating func refill(_ bucket: RateBucket, now: Duration) {
    let now = Self.milliseconds(now)
    let elapsed = max(0, now - time)
    let full = bucket.capacityInShares
    // Compared first: the product may be too large for an integer.
    let isFull = elapsed >= bucket.milliseconds(toGain: full - shares)
    shares = isFull ? full : shares + elapsed * bucket.refillPerMinute
    time = now
  }

  /// Whole ones. A quotient of durations would be a fraction, and may be just below the number it should be.
  private static func milliseconds(_ time: Duration) -> Int {
    Int(time.components.seconds) * 1_000 + Int(time.components.attoseconds / 1_000_000_000_000_000)
  }
}

extension RateBucket {
  var capacityInShares: Int { capacity * TokenBucket.sharesPerUnit }

  /// How long it takes until so many shares have come back, rounded up.
  func milliseconds(toGain shares: Int) -> Int { max(0, (shares + refillPerMinute - 1) / refillPerMinute) }
}
