/// What went wrong with the queue: a code for programs, a message for people, and when to try again.
package struct JobQueueError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The store can't be reached, or is not ready to answer.
    case unavailable
    /// As many jobs wait as are allowed to.
    case queueFull = "queue_full"
    /// The store has no memory left for new jobs; jobs that wait are still served.
    case storeFull = "store_full"
    /// The id names another job already.
    case idConflict = "id_conflict"
    /// Neither the job nor its result is there any more.
    case jobLost = "job_not_found"
    /// A setting is missing, unknown or out of range.
    case invalidConfiguration = "invalid_configuration"
    /// The store answered what it never should, or refused a command.
    case protocolError = "protocol_error"
    /// The queue was shut down.
    case closed
    /// The task that waited was cancelled.
    case cancelled
  }

  package let code: Code
  package let message: String
  /// How long to wait before trying again, where trying again can help.
  package let retryAfter: Duration?

  package init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  package var description: String { message }
}

extension JobQueueError {
  /// As many jobs wait as `capacity` allows.
  ///
  /// - Parameter timeToServe: in which the jobs that wait will have been served at the present pace; nil if no job
  ///   was finished lately. Trying again is advised after it, within 1 s and 5 minutes.
  package static func queueFull(capacity: Int, timeToServe: Duration?) -> JobQueueError {
    JobQueueError(
      .queueFull, "\(capacity) jobs are waiting, which is the limit",
      retryAfter: min(max(timeToServe ?? ServicePace.unknown, .seconds(1)), .seconds(300)))
  }

  /// The id was used for something else.
  package static func idConflict(_ id: JobID) -> JobQueueError {
    JobQueueError(.idConflict, "the id \(id) was used for another job; the same id must mean the same job")
  }

  /// The queue was shut down.
  package static var closed: JobQueueError { JobQueueError(.closed, "the queue was shut down") }
}
