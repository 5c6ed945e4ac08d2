import Synchronization

/// A clock that moves when it is told to.
package final class ManualClock: Clock, Sendable {
  package struct Instant: InstantProtocol {
    var time: Duration
    package func advanced(by duration: Duration) -> Instant { Instant(time: time + duration) }
    package func duration(to other: Instant) -> Duration { other.time - time }
    package static func < (a: Instant, b: Instant) -> Bool { a.time < b.time }
  }

  private struct State {
    var now = Instant(time: .zero)
    var nextToken = 0
    var sleepers: [Int: (until: Instant, continuation: CheckedContinuation<Void, Never>)] = [:]
    var watchers: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  package init() {}

  package var now: Instant { state.withLock { $0.now } }
  package var minimumResolution: Duration { .nanoseconds(1) }

  package func advance(by duration: Duration) {
    let due = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      let due = state.sleepers.filter { $0.value.until <= state.now }
      for token in due.keys { state.sleepers[token] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in due { continuation.resume() }
  }

  package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let token = state.withLock { state in
      state.nextToken += 1
      return state.nextToken
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (isOver, watchers) = state.withLock { state in
          if state.now >= deadline || Task.isCancelled { return (true, [CheckedContinuation<Void, Never>]()) }
          state.sleepers[token] = (deadline, continuation)
          defer { state.watchers = [] }
          return (false, state.watchers)
        }
        if isOver { continuation.resume() }
        for watcher in watchers { watcher.resume() }
      }
    } onCancel: {
      state.withLock { $0.sleepers.removeValue(forKey: token) }?.continuation.resume()
    }
    try Task.checkCancellation()
  }

  /// Returns when someone sleeps.
  package func waitForSleeper() async {
    await withCheckedContinuation { continuation in
      let isSleeping = state.withLock { state in
        if !state.sleepers.isEmpty { return true }
        state.watchers.append(continuation)
        return false
      }
      if isSleeping { continuation.resume() }
    }
  }
}
