/// Counts what callers use, so that nobody gets more than their share. All who use one limiter, or limiters on one
/// store, share its buckets.
///
/// Who doesn't know yet what something will cost takes the most that it can be, and charges the difference when it
/// is over:
/// ```swift
/// let decision = try await limiter.take(most, from: bucket)
/// guard decision.isAllowed else { return }
/// let used = await work()
/// try await limiter.charge(used - most, to: bucket)
/// ```
package protocol RateLimiter: Sendable {
  /// Takes `cost` out of the bucket if there is as much, else nothing. A cost of 0 only looks.
  ///
  /// Not to be repeated when it failed: it may have been done.
  ///
  /// - Throws: `unavailable`, `closed`, `protocolError`.
  func take(_ cost: Int, from bucket: RateBucket) async throws(JobQueueError) -> RateDecision

  /// Takes `cost` out of the bucket, whether or not there is as much; less than 0 gives back.
  ///
  /// - Throws: `unavailable`, `closed`, `protocolError`.
  func charge(_ cost: Int, to bucket: RateBucket) async throws(JobQueueError)
}
