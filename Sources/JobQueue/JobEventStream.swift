/// What a subscriber is told of a job.
package enum JobEvent: Sendable, Equatable {
  /// A piece of the result. Pieces of one run of the job arrive in order; when it runs again, or somebody attached to
  /// it, what was told may be told again. The body says which part it is.
  case progress(sequence: Int, body: [UInt8])
  /// The result; always the last event.
  case finished(result: [UInt8])
}

/// The events of one job, for one reader. Ends after `finished`, or without it when the queue is shut down or
/// the reading task is cancelled.
///
/// The buffer is bounded. A reader that falls behind gets the pieces up to the first that was dropped, and then
/// the result, from which it can take what is missing.
package struct JobEventStream: AsyncSequence, Sendable {
  package typealias Element = JobEvent
  package typealias Failure = Never

  private let subscription: JobSubscription

  init(_ subscription: JobSubscription) { self.subscription = subscription }

  /// Waits for the result and ignores progress.
  ///
  /// - Throws: `cancelled` if the task was cancelled, `closed` if the queue was shut down.
  package func result() async throws(JobQueueError) -> [UInt8] {
    for await event in self {
      if case .finished(let result) = event { return result }
    }
    throw Task.isCancelled
      ? JobQueueError(.cancelled, "waiting for the result was cancelled")
      : JobQueueError(.closed, "the queue was shut down before the result arrived")
  }

  package func makeAsyncIterator() -> Iterator { Iterator(subscription: subscription) }

  /// Reads a stream; all iterators of a stream share its events.
  package struct Iterator: AsyncIteratorProtocol {
    fileprivate let subscription: JobSubscription

    package mutating func next() async -> JobEvent? { await subscription.next() }

    package mutating func next(isolation actor: isolated (any Actor)?) async -> JobEvent? {
      await subscription.next()
    }
  }
}
