import Synchronization

/// A limiter for one process.
package final class InMemoryRateLimiter: RateLimiter {
  /// What somebody took from, and when that was.
  private struct Entry {
    let bucket: RateBucket
    var content: TokenBucket
  }

  private let maximumCount: Int
  private let clock: QueueClock
  private let entries = Mutex<[String: Entry]>([:])

  /// - Parameter maximumCount: how many buckets are remembered. One more makes the limiter forget one that is full
  ///   (which changes nothing), or else the one that would be full first.
  package init<C: Clock>(maximumCount: Int = 10_000, clock: C) where C.Duration == Duration {
    self.maximumCount = max(1, maximumCount)
    self.clock = QueueClock(clock)
  }

  package convenience init() { self.init(clock: ContinuousClock()) }

  package func take(_ cost: Int, from bucket: RateBucket) async -> RateDecision {
    update(bucket) { content, now in content.take(cost, from: bucket, now: now) }
  }

  package func charge(_ cost: Int, to bucket: RateBucket) async {
    update(bucket) { content, now in content.charge(cost, to: bucket, now: now) }
  }

  /// How many buckets are remembered.
  package var count: Int { entries.withLock { $0.count } }

  private func update<Value: Sendable>(
    _ bucket: RateBucket, _ change: (inout TokenBucket, _ now: Duration) -> Value
  ) -> Value {
    entries.withLock { entries in
      let now = clock.now()
      let known = entries[bucket.name]
      var content = known?.content ?? TokenBucket(full: bucket, now: now)
      let value = change(&content, now)
      // A full one and an unknown one are the same.
      if content.timeToFull(bucket, now: now) == .zero {
        entries[bucket.name] = nil
      } else {
        if known == nil, entries.count >= maximumCount { Self.makeRoom(in: &entries, now: now) }
        entries[bucket.name] = Entry(bucket: bucket, content: content)
      }
      return value
    }
  }

  private static func makeRoom(in entries: inout [String: Entry], now: Duration) {
    let times = entries.mapValues { $0.content.timeToFull($0.bucket, now: now) }
    let full = times.filter { $0.value == .zero }.map(\.key)
    for name in full { entries[name] = nil }
    if full.isEmpty, let first = times.min(by: { $0.value < $1.value }) { entries[first.key] = nil }
  }
}
