import DequeModule
import Synchronization

/// The mailbox of one subscriber: a bounded buffer between the queue and one reader.
final class JobSubscription: Sendable {
  private let state: Mutex<State>
  private let onRelease: @Sendable () -> Void

  /// - Parameter onRelease: runs when nobody holds the subscription any more.
  init(capacity: Int, onRelease: @escaping @Sendable () -> Void) {
    state = Mutex(State(capacity: capacity))
    self.onRelease = onRelease
  }

  deinit { onRelease() }

  func deliver(_ event: JobEvent) {
    let reader = state.withLock { $0.deliver(event) }
    reader?.resume(returning: event)
  }

  /// Ends the stream after what is in the buffer.
  func close() {
    let reader = state.withLock { state in
      state.closed = true
      return state.takeReader()
    }
    reader?.resume(returning: nil)
  }

  func next() async -> JobEvent? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let immediate: JobEvent?? = state.withLock {
          $0.next(orWait: continuation, cancelled: Task.isCancelled)
        }
        if let immediate { continuation.resume(returning: immediate) }
      }
    } onCancel: {
      state.withLock { $0.takeReader() }?.resume(returning: nil)
    }
  }

  private struct State {
    let capacity: Int
    var buffer: Deque<JobEvent> = []
    var reader: CheckedContinuation<JobEvent?, Never>?
    var overflowed = false
    var closed = false

    init(capacity: Int) { self.capacity = capacity }

    mutating func takeReader() -> CheckedContinuation<JobEvent?, Never>? {
      defer { reader = nil }
      return reader
    }

    /// The reader to hand the event to; nil if it went to the buffer or was dropped.
    mutating func deliver(_ event: JobEvent) -> CheckedContinuation<JobEvent?, Never>? {
      if closed { return nil }
      switch event {
      case .progress:
        if overflowed { return nil }
        if buffer.count >= capacity {
          overflowed = true
          return nil
        }
      case .finished:
        closed = true
      }
      if let reader = takeReader() { return reader }
      buffer.append(event)
      return nil
    }

    /// What to return at once, or nil after `continuation` was kept as the reader.
    mutating func next(
      orWait continuation: CheckedContinuation<JobEvent?, Never>, cancelled: Bool
    ) -> JobEvent?? {
      if let event = buffer.popFirst() { return .some(event) }
      // A second reader at the same time is against the contract; it sees the end.
      if closed || cancelled || reader != nil { return .some(nil) }
      reader = continuation
      return nil
    }
  }
}
