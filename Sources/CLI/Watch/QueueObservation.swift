import JobQueue

/// What the looks at a queue told so far: the last status, how fast its counts grow, and what is wrong now.
struct QueueObservation {
  /// A look that told nothing.
  struct Failure: Equatable {
    var message: String
    /// When the queue was first not seen.
    var since: ContinuousClock.Instant
  }

  private(set) var status: QueueStatus?
  private(set) var failure: Failure?
  /// When the status was seen.
  private(set) var seen: ContinuousClock.Instant?
  private var before: (counts: [String: Int], seconds: Double)?

  mutating func note(_ status: QueueStatus, at time: ContinuousClock.Instant) {
    if let last = self.status, let seen, time > seen {
      before = (last.counts, (time - seen) / .seconds(1))
    }
    self.status = status
    seen = time
    failure = nil
  }

  mutating func note(failure message: String, at time: ContinuousClock.Instant) {
    failure = Failure(message: message, since: failure?.since ?? time)
  }

  /// Events a second between the last two looks; nil where there were no two, and where a count is less than before:
  /// it began anew, since Redis came back without its data.
  func rate(of event: String) -> Double? {
    guard let before, let status else { return nil }
    let grown = (status.counts[event] ?? 0) - (before.counts[event] ?? 0)
    return grown < 0 ? nil : Double(grown) / before.seconds
  }
}
