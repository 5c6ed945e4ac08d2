import Synchronization

/// Asks for values that are known only elsewhere, and gives up in time, so that what can't be reached costs an answer
/// to Prometheus its own values and no others.
final class MetricCollector: Sendable {
  private typealias Waiter = CheckedContinuation<[MetricSample]?, Never>

  private struct State {
    var isRunning = false
    var nextTicket = 0
    var waiters: [Int: Waiter] = [:]
    /// Those that left before they began to wait.
    var left: Set<Int> = []
  }

  private let body: @Sendable () async -> [MetricSample]
  private let deadline: Duration
  private let late: [MetricSample]
  private let state = Mutex(State())

  /// - Parameter late: the values if there are none in time.
  init(deadline: Duration, late: [MetricSample], body: @escaping @Sendable () async -> [MetricSample]) {
    self.body = body
    self.deadline = deadline
    self.late = late
  }

  func samples() async -> [MetricSample] {
    let found = await withTaskGroup(of: [MetricSample]?.self) { group in
      group.addTask { await self.wait() }
      group.addTask {
        try? await Task.sleep(for: self.deadline)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    return found ?? late
  }

  /// All who ask at the same time get the same answer: questions to something that hangs never pile up.
  private func wait() async -> [MetricSample]? {
    let ticket = state.withLock { state in
      state.nextTicket += 1
      return state.nextTicket
    }
    let samples = await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in enter(ticket, waiter) }
    } onCancel: {
      leave(ticket)
    }
    // It was cancelled just as the answer came.
    _ = state.withLock { $0.left.remove(ticket) }
    return samples
  }

  private func enter(_ ticket: Int, _ waiter: Waiter) {
    let (hasLeft, starts) = state.withLock { state in
      if state.left.remove(ticket) != nil { return (true, false) }
      state.waiters[ticket] = waiter
      defer { state.isRunning = true }
      return (false, !state.isRunning)
    }
    if hasLeft { waiter.resume(returning: nil) }
    // A task of its own: a child would be waited for, and it may not heed that it is cancelled.
    if starts { Task { finish(await body()) } }
  }

  private func leave(_ ticket: Int) {
    let waiter = state.withLock { state in
      let waiter = state.waiters.removeValue(forKey: ticket)
      if waiter == nil { state.left.insert(ticket) }
      return waiter
    }
    waiter?.resume(returning: nil)
  }

  private func finish(_ samples: [MetricSample]) {
    let waiters = state.withLock { state in
      defer { state.waiters = [:] }
      state.isRunning = false
      return state.waiters.values
    }
    for waiter in waiters { waiter.resume(returning: samples) }
  }
}
