package import ServiceLifecycle

/// The side of a queue that does the work.
///
/// As a service it beats: while `run()` runs, the jobs claimed here belong to this consumer. It must be shut
/// down after everything that uses it. If it dies, others take over its jobs; so a job may run twice, but only
/// one result becomes visible.
///
/// The life of a job: `claim`, then `start`; if that says `run`, any number of `emit`, then one of `post`,
/// `bury` and `release`. A payload that is no job goes from `claim` to `bury`.
package protocol JobConsumer: Service {
  /// The name of this consumer among the others: host name and a random number of this start.
  var workerID: String { get }

  /// Jobs that are to be stopped while they run here. One reader only.
  var interruptions: AsyncStream<JobInterruption> { get }

  /// Whether results may be announced at `address`. A job that asks for another one is to be answered with an
  /// error; the queue itself never writes there.
  func accepts(_ address: ReplyAddress) -> Bool

  /// Takes up to `limit` jobs, and waits for the first one at most `waiting`.
  ///
  /// Returns early, and possibly with jobs, when the task is cancelled: jobs that are returned have to be
  /// handled in any case.
  func claim(upTo limit: Int, waiting: Duration) async throws(JobQueueError) -> [ClaimedJob]

  /// Asks whether the job is still to be run, and marks it as running here.
  ///
  /// - Parameter timeToLive: how long after its submission the job may begin. A job that was pushed without
  ///   `submit` has no time of submission and doesn't expire.
  func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?
  ) async throws(JobQueueError) -> StartOutcome

  /// Tells the requesters of progress; one outcome per element. Only the latest owner of a job is heard.
  ///
  /// If it throws `unavailable`, these pieces are lost and the job goes on: the result will have it all.
  func emit(_ progress: [JobProgress]) async throws(JobQueueError) -> [EmitOutcome]

  /// Acknowledges the job, makes `result` its result, and announces it: all or nothing. Safe to repeat.
  ///
  /// - Parameter failed: whether `result` tells of a failure; it is counted apart from the crashes of workers.
  @discardableResult
  func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], failed: Bool, replyTo: ReplyAddress?
  ) async throws(JobQueueError) -> PostOutcome

  /// Acknowledges a job that can't be run and moves it to the dead list, and, if its id is known, makes
  /// `result` its result and announces it: all or nothing.
  ///
  /// - Parameter reason: one line for people.
  func bury(
    _ job: ClaimedJob, id: JobID?, reason: String, result: [UInt8]?, replyTo: ReplyAddress?
  ) async throws(JobQueueError)

  /// Puts the job back as the next of its list, as if it had never been claimed: for a consumer that shuts
  /// down.
  func release(_ job: ClaimedJob) async throws(JobQueueError)
}

extension JobConsumer {
  /// Posts a result that tells of no failure.
  @discardableResult
  package func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], replyTo: ReplyAddress?
  ) async throws(JobQueueError) -> PostOutcome {
    try await post(job, id: id, result: result, failed: false, replyTo: replyTo)
  }

  /// Tells of the progress of one job.
  package func emit(_ progress: JobProgress) async throws(JobQueueError) -> EmitOutcome {
    try await emit([progress]).first ?? .fenced
  }
}

/// A job in the hands of a consumer.
package struct ClaimedJob: Sendable {
  package let payload: [UInt8]
  /// What the queue read of the payload; nil if it is no job, and can only be buried.
  package let envelope: JobEnvelope?
  /// The list it came from and goes back to.
  package let priority: JobPriority
  /// The job took its workers down with it as often as is allowed. It must not be run; bury it with an error
  /// result.
  package let attemptsExhausted: Bool
  /// Unique among the claims of one consumer.
  package let claimNumber: UInt64

  package init(
    payload: [UInt8], envelope: JobEnvelope?, priority: JobPriority, attemptsExhausted: Bool = false,
    claimNumber: UInt64
  ) {
    self.payload = payload
    self.envelope = envelope
    self.priority = priority
    self.attemptsExhausted = attemptsExhausted
    self.claimNumber = claimNumber
  }
}

/// Why a job that runs is to be stopped.
package enum JobInterruption: Sendable, Equatable {
  /// The requester cancelled. Post a result that says so.
  case cancelled(JobID)
  /// The job belongs to another claim by now, of another consumer or of this one. Forget it.
  case fenced(claimNumber: UInt64)
}

/// Whether a claimed job is to be run.
package enum StartOutcome: Sendable, Equatable {
  /// Run it. `attempt` is 1 unless earlier workers died of it; `queued` is how long it waited, if known.
  case run(attempt: Int, queued: Duration?)
  /// There is a result, or another worker runs the job at this moment: it was acknowledged, and its requester
  /// is told now or then. Or the queue was paused meanwhile, and the job went back. Forget it.
  case alreadyFinished
  /// It was cancelled while it waited. Post a result that says so.
  case cancelled
  /// It waited longer than it was to live. Post a result that says so.
  case expired
}

/// A piece of a result that is still being made.
package struct JobProgress: Sendable {
  package let job: ClaimedJob
  package let id: JobID
  /// Grows with every piece of a run of the job: the number of tokens up to the end of this piece, over all its texts,
  /// not a count of messages.
  package let sequence: Int
  package let body: [UInt8]
  package let replyTo: ReplyAddress?

  package init(job: ClaimedJob, id: JobID, sequence: Int, body: [UInt8], replyTo: ReplyAddress?) {
    self.job = job
    self.id = id
    self.sequence = sequence
    self.body = body
    self.replyTo = replyTo
  }
}

/// What the queue said to progress.
package enum EmitOutcome: Sendable, Equatable {
  /// - Parameter attachments: how often somebody came to listen after the submission. Where it grows, there is
  ///   somebody who needs all from the beginning.
  case delivered(attachments: Int = 0)
  /// The job belongs to someone else by now. Stop, and forget it.
  case fenced
  /// The requester cancelled. Stop, and post a result that says so.
  case cancelled
}

/// Whether a posted result is the one that is visible.
package enum PostOutcome: Sendable, Equatable {
  case visible
  /// Another result of the same job was there first; this one was dropped.
  case duplicate
}
