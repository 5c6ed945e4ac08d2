/// What a limiter answers: whether the cost was taken, and what its bucket holds now.
package struct RateDecision: Sendable, Equatable {
  package let isAllowed: Bool
  /// The capacity of the bucket.
  package let limit: Int
  /// What is left in whole units, and never less than 0.
  package let remaining: Int
  /// When the bucket will be full, if nobody takes anything.
  package let resetsAfter: Duration
  /// When there will be enough; nil if it was allowed, or if the cost is more than the bucket ever holds.
  package let retryAfter: Duration?

  /// - Parameters:
  ///   - cost: what was asked for.
  ///   - shares: what the bucket holds afterwards, in 60,000ths; see `TokenBucket`.
  package init(isAllowed: Bool, cost: Int, shares: Int, bucket: RateBucket) {
    self.isAllowed = isAllowed
    limit = bucket.capacity
    remaining = max(0, shares / TokenBucket.sharesPerUnit)
    resetsAfter = .milliseconds(bucket.milliseconds(toGain: bucket.capacityInShares - shares))
    let missing = RateBucket.bounded(cost: cost) * TokenBucket.sharesPerUnit - shares
    let canWait = !isAllowed && cost <= bucket.capacity
    retryAfter = canWait ? .milliseconds(bucket.milliseconds(toGain: missing)) : nil
  }
}
