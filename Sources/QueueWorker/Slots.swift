import Synchronization

/// Counts how many more jobs a worker has room for.
final class Slots: Sendable {
  private struct State {
    var free: Int
    var waiter: (count: Int, continuation: CheckedContinuation<Int, Never>)?
  }

  private let count: Int
  private let state: Mutex<State>

  init(count: Int) {
    self.count = max(1, count)
    state = Mutex(State(free: self.count))
  }

  var taken: Int { count - state.withLock { $0.free } }

  /// Waits until there is room for `count` jobs and says for how many. One caller at a time.
  func wait(for count: Int) async -> Int {
    await withCheckedContinuation { continuation in
      let free: Int? = state.withLock { state in
        if state.free >= count { return state.free }
        state.waiter = (count, continuation)
        return nil
      }
      if let free { continuation.resume(returning: free) }
    }
  }

  func take() {
    state.withLock { $0.free -= 1 }
  }

  func giveBack() {
    let answer: (CheckedContinuation<Int, Never>, Int)? = state.withLock { state in
      state.free += 1
      guard let waiter = state.waiter, state.free >= waiter.count else { return nil }
      state.waiter = nil
      return (waiter.continuation, state.free)
    }
    if let (continuation, free) = answer { continuation.resume(returning: free) }
  }
}
