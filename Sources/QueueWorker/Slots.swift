import Synchronization

/// Counts how many more jobs a worker has room for.
final class Slots: Sendable {
  private struct State {
    var free: Int
    var waiter: CheckedContinuation<Int, Never>?
  }

  private let state: Mutex<State>

  init(count: Int) {
    state = Mutex(State(free: max(1, count)))
  }

  /// Waits until there is room and says for how many. One caller at a time.
  func waitForOne() async -> Int {
    await withCheckedContinuation { continuation in
      let free = state.withLock { state in
        if state.free == 0 { state.waiter = continuation }
        return state.free
      }
      if free > 0 { continuation.resume(returning: free) }
    }
  }

  func take() {
    state.withLock { $0.free -= 1 }
  }

  func giveBack() {
    let waiter = state.withLock { state in
      state.free += 1
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: 1)
  }
}
