/// A job on its way into the queue.
package struct JobSubmission: Sendable {
  package let id: JobID
  /// The job as the worker will read it; opaque to the queue. It must name the same id, and, if anyone is to
  /// be told of the result, `JobProducer.replyAddress`.
  package let payload: [UInt8]
  package let priority: JobPriority
  /// Names what is asked for, without what may differ between two requests for the same (the reply address,
  /// say). Two submissions of one id with different fingerprints are a conflict; nil is never compared.
  package let fingerprint: String?

  package init(
    id: JobID, payload: [UInt8], priority: JobPriority = .default, fingerprint: String? = nil
  ) {
    self.id = id
    self.payload = payload
    self.priority = priority
    self.fingerprint = fingerprint
  }
}

/// What became of a submission that was accepted.
package enum SubmitOutcome: Sendable, Equatable {
  /// The job waits; `position` 1 is the next of its list.
  case queued(position: Int)
  /// A job of this id waits or runs already; its result will be the result of this one too.
  case attached
  /// A job of this id was done before, and its result is still kept.
  case finished(result: [UInt8])
}

/// What became of a wish to cancel.
package enum CancelOutcome: Sendable, Equatable {
  /// The job waited and was taken out; the result given to `cancel` is its result now.
  case removed
  /// The job runs; its worker will be told, and will post the result.
  case requested
  /// Too late: there is a result.
  case alreadyFinished
  /// Others wait for the job, which only they may give up.
  case wantedElsewhere
  /// No such job is known. On Redis, one that is pushed under this id within the next minutes is not run.
  case unknown
}

/// Where a job is.
package enum JobState: Sendable, Equatable {
  case unknown
  case queued
  /// A worker began it; also while it waits for another one to do it again.
  case running(attempt: Int)
  case finished(result: [UInt8])
}
