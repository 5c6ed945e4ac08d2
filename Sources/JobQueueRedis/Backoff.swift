/// When to try again: exponentially later, with jitter so that a fleet doesn't return in one instant.
struct Backoff {
  private static let shortest = Duration.milliseconds(20)
  private static let longest = Duration.seconds(2)

  private var failures = 0
  private var nextAttempt: ContinuousClock.Instant?
  private var lastProblem = ""

  /// What went wrong, as long as it is too early to try again.
  var problem: String? {
    guard let nextAttempt, ContinuousClock.now < nextAttempt else { return nil }
    return lastProblem
  }

  /// Notes a failure, and tells whether it is a new one.
  mutating func note(_ problem: String) -> Bool {
    nextAttempt = ContinuousClock.now + Self.delay(afterFailures: failures)
    failures += 1
    defer { lastProblem = problem }
    return problem != lastProblem
  }

  mutating func reset() { self = Backoff() }

  /// Between half and all of 20 ms, 40 ms, 80 ms … 2 s.
  static func delay(afterFailures failures: Int) -> Duration {
    let full = min(shortest * (1 << min(failures, 10)), longest)
    return full * Double.random(in: 0.5...1)
  }
}
