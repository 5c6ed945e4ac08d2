import Synchronization

/// Tells whether the client at the other end is still there.
///
/// A client that closes its sending side counts as gone: no known client of HTTP does so and goes on reading.
final class ClientConnection: Sendable {
  private struct State {
    var gone = false
    var nextWatcher = 0
    var watchers: [Int: AsyncStream<Never>.Continuation] = [:]
  }

  private let state = Mutex(State())

  /// Returns true when the client goes away, and false when the task is cancelled first.
  func waitUntilGone() async -> Bool {
    let (stream, continuation) = AsyncStream<Never>.makeStream()
    let watcher: Int? = state.withLock { state in
      guard !state.gone else { return nil }
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = continuation
      return state.nextWatcher
    }
    guard let watcher else { return true }
    for await _ in stream {}
    return state.withLock { state in
      state.watchers[watcher] = nil
      return state.gone
    }
  }

  func markGone() {
    let watchers = state.withLock { state in
      state.gone = true
      defer { state.watchers = [:] }
      return state.watchers
    }
    for watcher in watchers.values { watcher.finish() }
  }
}
