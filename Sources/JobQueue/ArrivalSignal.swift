import Synchronization

/// Counts events and lets tasks wait for the next one without missing any.
final class ArrivalSignal: Sendable {
  private struct State {
    var count: UInt64 = 0
    var nextToken: UInt64 = 0
    var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  var count: UInt64 { state.withLock { $0.count } }

  func notify() {
    let waiting = state.withLock { state in
      state.count &+= 1
      defer { state.waiting = [:] }
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume() }
  }

  /// Returns once the count differs from `seen`, or the task is cancelled.
  func wait(after seen: UInt64) async {
    let token = state.withLock { state in
      state.nextToken &+= 1
      return state.nextToken
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.count != seen || Task.isCancelled { return true }
          state.waiting[token] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: token) }?.resume()
    }
  }
}
