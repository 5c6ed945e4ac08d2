import ServiceLifecycle

/// The time that what is under way has once the gateway was told to stop.
struct Drain: Sendable {
  let time: Duration

  /// Returns true when the gateway was told to stop and the time is over, and false when the task is cancelled first.
  func waitUntilOver() async -> Bool {
    guard (try? await gracefulShutdown()) != nil else { return false }
    return (try? await Task.sleep(for: time)) != nil
  }
}
