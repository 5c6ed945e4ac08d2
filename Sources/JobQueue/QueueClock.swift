/// A clock with its type taken off: reads the time since it was made, and sleeps.
struct QueueClock: Sendable {
  /// Time since this value was made.
  let now: @Sendable () -> Duration
  private let sleepUntil: @Sendable (Duration) async throws -> Void

  init<C: Clock>(_ clock: C) where C.Duration == Duration {
    let origin = clock.now
    now = { origin.duration(to: clock.now) }
    sleepUntil = { try await clock.sleep(until: origin.advanced(by: $0), tolerance: nil) }
  }

  /// Sleeps until the clock reads `time`; returns early if the task is cancelled.
  func sleep(until time: Duration) async {
    try? await sleepUntil(time)
  }
}
