import JobQueue
import Synchronization

/// A queue whose store fails, or forgets, when a test says so.
final class ScriptedQueue: JobProducer, JobQueueInspector {
  enum Call: Sendable, Hashable {
    case submit, state, ready, status
  }

  private let base: InMemoryJobQueue
  private let failures = Mutex<[Call: JobQueueError]>([:])
  /// The names of the calls, as they are made.
  let calls: AsyncStream<Call>
  private let record: AsyncStream<Call>.Continuation
  private let swallowed = Mutex(0)
  private let deaf = Mutex(false)

  init(_ base: InMemoryJobQueue) {
    self.base = base
    (calls, record) = AsyncStream.makeStream()
  }

  func fail(_ call: Call, with error: JobQueueError?) {
    failures.withLock { $0[call] = error }
  }

  /// The next `count` jobs are accepted and lost.
  func lose(_ count: Int) {
    swallowed.withLock { $0 = count }
  }

  /// From now on nobody is told of any event.
  func goDeaf() {
    deaf.withLock { $0 = true }
  }

  private func check(_ call: Call) throws(JobQueueError) {
    record.yield(call)
    if let error = failures.withLock({ $0[call] }) { throw error }
  }

  func run() async throws { try await base.run() }

  var replyAddress: ReplyAddress? { base.replyAddress }

  func submit(_ submission: JobSubmission) async throws(JobQueueError) -> SubmitOutcome {
    try check(.submit)
    let isLost = swallowed.withLock { left in
      defer { left = max(0, left - 1) }
      return left > 0
    }
    return isLost ? .queued(position: 1) : try await base.submit(submission)
  }

  func subscribe(to id: JobID) -> JobEventStream {
    let isDeaf = deaf.withLock { $0 }
    return base.subscribe(to: isDeaf ? JobID("nobody") ?? id : id)
  }

  func attach(to id: JobID) async throws(JobQueueError) { try await base.attach(to: id) }

  func state(of id: JobID) async throws(JobQueueError) -> JobState {
    try check(.state)
    return try await base.state(of: id)
  }

  func result(of id: JobID) async throws(JobQueueError) -> [UInt8]? { try await base.result(of: id) }

  @discardableResult
  func cancel(
    _ id: JobID, result: [UInt8], onlyHere: Bool
  ) async throws(JobQueueError) -> CancelOutcome {
    try await base.cancel(id, result: result, onlyHere: onlyHere)
  }

  func status() async throws(JobQueueError) -> QueueStatus {
    try check(.status)
    return try await base.status()
  }

  func ready() async throws(JobQueueError) {
    try check(.ready)
    try await base.ready()
  }

  func deadJobs(limit: Int) async throws(JobQueueError) -> [DeadJob] { try await base.deadJobs(limit: limit) }
  func retryDeadJobs() async throws(JobQueueError) -> Int { try await base.retryDeadJobs() }
  func purgeDeadJobs() async throws(JobQueueError) -> Int { try await base.purgeDeadJobs() }
  func setPaused(_ paused: Bool) async throws(JobQueueError) { try await base.setPaused(paused) }
}
