import JobQueue
import Synchronization

/// A job that the queue took, for one request that waits for it.
final class AcceptedJob: Sendable {
  let submission: JobSubmission
  let timeToLive: Duration?
  let outcome: SubmitOutcome
  let events: JobEventStream
  private let onEnd: @Sendable (_ clientLeft: Bool) async -> Void
  private let isSettled = Mutex(false)

  /// - Parameter onEnd: is called once, when the request has its outcome.
  init(
    submission: JobSubmission, timeToLive: Duration?, outcome: SubmitOutcome, events: JobEventStream,
    onEnd: @escaping @Sendable (_ clientLeft: Bool) async -> Void
  ) {
    self.submission = submission
    self.timeToLive = timeToLive
    self.outcome = outcome
    self.events = events
    self.onEnd = onEnd
  }

  func settle(clientLeft: Bool) async {
    if take() { await onEnd(clientLeft) }
  }

  /// The body of a streamed response is never asked for when its head can't be written: the client left.
  deinit {
    guard take() else { return }
    // Unstructured: there is nobody left to wait for it.
    Task { [onEnd] in await onEnd(true) }
  }

  private func take() -> Bool {
    isSettled.withLock { settled in
      defer { settled = true }
      return !settled
    }
  }
}
