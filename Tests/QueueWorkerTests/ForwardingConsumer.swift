import JobQueue

/// A consumer that hands everything to another one; what a test wants otherwise it says itself.
protocol ForwardingConsumer: JobConsumer {
  var base: InMemoryJobQueue { get }
}

extension ForwardingConsumer {
  var workerID: String { base.workerID }
  var interruptions: AsyncStream<JobInterruption> { base.interruptions }

  func run() async throws { try await base.run() }
  func accepts(_ address: ReplyAddress) -> Bool { base.accepts(address) }

  func claim(upTo limit: Int, waiting: Duration) async throws(JobQueueError) -> [ClaimedJob] {
    try await base.claim(upTo: limit, waiting: waiting)
  }

  func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?
  ) async throws(JobQueueError) -> StartOutcome {
    try await base.start(job, id: id, timeToLive: timeToLive)
  }

  func emit(_ progress: [JobProgress]) async throws(JobQueueError) -> [EmitOutcome] {
    try await base.emit(progress)
  }

  func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], failed: Bool, replyTo: ReplyAddress?
  ) async throws(JobQueueError) -> PostOutcome {
    try await base.post(job, id: id, result: result, failed: failed, replyTo: replyTo)
  }

  func bury(
    _ job: ClaimedJob, id: JobID?, reason: String, result: [UInt8]?, replyTo: ReplyAddress?
  ) async throws(JobQueueError) {
    try await base.bury(job, id: id, reason: reason, result: result, replyTo: replyTo)
  }

  func release(_ job: ClaimedJob) async throws(JobQueueError) { try await base.release(job) }
}
