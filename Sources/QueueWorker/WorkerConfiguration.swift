package import JobWire

/// How a worker takes jobs and gives them back.
package struct WorkerConfiguration: Sendable {
  /// Jobs in the worker's hands at the same time: as many as its engine runs in one batch, so that what waits
  /// can still be taken by another worker.
  package var maxConcurrentJobs: Int
  /// `DRAIN_SECONDS`: how long running jobs may take to finish once the worker was told to stop.
  package var drain: Duration
  /// How long results and jobs may take on their way to the queue after that, before it is taken for unreachable.
  package var handBack: Duration = .seconds(5)
  /// `MAX_ATTEMPTS`, for the message of a job that was given up.
  package var maxAttempts: Int
  package var limits: RequestLimits
  /// Jobs taken at once, however many there is room for: a burst is so shared among the workers that wait for it.
  package var maxJobsPerClaim = 4
  /// How long one look at an empty queue waits for a job.
  package var claimWait: Duration = .seconds(1)
  /// How long to wait before the queue is asked again after it could not be reached.
  package var retryDelay: Duration = .milliseconds(250)
  /// How long the tokens of a streamed job are gathered before they are sent. The first one is sent at once.
  package var pieceInterval: Duration = .milliseconds(25)

  package init(
    maxConcurrentJobs: Int = 32, drain: Duration = .seconds(20), maxAttempts: Int = 3,
    limits: RequestLimits = .init()
  ) {
    self.maxConcurrentJobs = maxConcurrentJobs
    self.drain = drain
    self.maxAttempts = maxAttempts
    self.limits = limits
  }
}
