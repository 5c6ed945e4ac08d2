/// Which workers are dead, as one of the others sees it.
///
/// Redis's clock alone can't tell: while Redis was away nobody could beat, and a clock may be set. So a worker is dead
/// once that clock shows a lease since its last beat and this one has itself seen no beat for half a lease; or once it
/// has seen none for a whole lease.
package struct SilenceWatch {
  private let lease: Duration
  /// If two looks are further apart, one was missed, and what was seen before does not count.
  private let longestGap: Duration
  private var seen: [String: (beat: String, since: ContinuousClock.Instant)] = [:]
  private var lastLook: ContinuousClock.Instant?

  package init(lease: Duration, interval: Duration) {
    self.lease = lease
    longestGap = max(lease / 2, interval * 2)
  }

  /// The dead ones among the workers.
  ///
  /// - Parameters:
  ///   - beats: of all other workers the last sign of life, in milliseconds of Redis's clock.
  ///   - storeTime: Redis's clock.
  package mutating func silent(
    among beats: [(worker: String, beat: String)], now: ContinuousClock.Instant, storeTime: Duration
  ) -> [(worker: String, beat: String)] {
    let wasAway = lastLook.map { now - $0 > longestGap } ?? true
    lastLook = now
    let before = wasAway ? [:] : seen
    seen = [:]
    return beats.filter { worker, beat in
      let since = before[worker].flatMap { $0.beat == beat ? $0.since : nil } ?? now
      seen[worker] = (beat, since)
      let watched = now - since
      let silence = storeTime - .milliseconds(Double(beat) ?? 0)
      // The time 0 says that it left in order.
      return beat == "0" || watched > lease || (watched > lease / 2 && silence > lease)
    }
  }
}
