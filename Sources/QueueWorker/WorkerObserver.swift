package import JobQueue
package import JobWire

/// Is told of the jobs of a worker, to count them. It must return at once.
package protocol WorkerObserver: Sendable {
  /// - Parameter queued: how long the job waited, if known.
  func jobBegan(_ id: JobID, queued: Duration?)
  func jobEnded(_ id: JobID, _ ending: JobEnding)
}

/// How a job left a worker.
package struct JobEnding: Sendable {
  package enum Outcome: Sendable, Equatable {
    case completed, failed, cancelled
    /// Put back unfinished.
    case released
    /// Another worker had taken it over.
    case fenced
  }

  package let outcome: Outcome
  /// From the start of the job to its result.
  package let duration: Duration
  package let usage: JobResult.Usage?
  /// From the start of the first sequence to its first token.
  package let prefillMilliseconds: Double?
}
