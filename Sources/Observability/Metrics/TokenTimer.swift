/// Watches the tokens of one stream.
package struct TokenTimer: Sendable {
  private let first: Histogram<Duration>
  private let between: Histogram<Duration>
  private var last: ContinuousClock.Instant
  private var hasTokens = false

  init(start: ContinuousClock.Instant, first: Histogram<Duration>, between: Histogram<Duration>) {
    self.first = first
    self.between = between
    last = start
  }

  /// - Parameter count: how many tokens came together. Each of them counts as if it had taken its share of the time.
  package mutating func received(_ count: Int = 1, at now: ContinuousClock.Instant = .now) {
    guard count > 0 else { return }
    if hasTokens {
      between.observe(last.duration(to: now) / count, times: count)
    } else {
      first.observe(last.duration(to: now))
      hasTokens = true
    }
    last = now
  }
}
