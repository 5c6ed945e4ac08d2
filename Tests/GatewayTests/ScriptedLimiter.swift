import JobQueue
import Synchronization

/// A limiter whose time stands still, and that fails when a test says so.
final class ScriptedLimiter: RateLimiter {
  private struct StoppedClock: Clock {
    let now = ContinuousClock.now
    let minimumResolution = Duration.nanoseconds(1)
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {}
  }

  /// A call of a test's subject: the name of the bucket, and the cost.
  struct Call: Sendable, Equatable {
    let bucket: String
    let cost: Int
  }

  private let base = InMemoryRateLimiter(clock: StoppedClock())
  private let failure = Mutex<JobQueueError?>(nil)
  private let record = Mutex<[Call]>([])

  /// What was asked for so far; charges too.
  var calls: [Call] { record.withLock { $0 } }

  func fail(with error: JobQueueError?) { failure.withLock { $0 = error } }

  func take(_ cost: Int, from bucket: RateBucket) async throws(JobQueueError) -> RateDecision {
    try note(cost, bucket)
    return await base.take(cost, from: bucket)
  }

  func charge(_ cost: Int, to bucket: RateBucket) async throws(JobQueueError) {
    try note(cost, bucket)
    await base.charge(cost, to: bucket)
  }

  private func note(_ cost: Int, _ bucket: RateBucket) throws(JobQueueError) {
    record.withLock { $0.append(Call(bucket: bucket.name, cost: cost)) }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
