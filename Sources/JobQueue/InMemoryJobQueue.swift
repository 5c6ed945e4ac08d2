import DequeModule
import ServiceLifecycle
import Synchronization

/// A queue within one process, with the semantics of the one on Redis.
///
/// What it can't have: it ends with its process, and so needs no heartbeat and takes over no jobs of the dead.
package final class InMemoryJobQueue: JobProducer, JobConsumer, JobQueueInspector {
  package let workerID: String
  package let interruptions: AsyncStream<JobInterruption>

  private let info: WorkerInfo.Source
  private let identify: JobIdentifier
  private let clock: QueueClock
  private let hub = JobEventHub()
  private let interrupted: AsyncStream<JobInterruption>.Continuation
  private let state: Mutex<InMemoryQueueState>
  private let arrivals = ArrivalSignal()

  /// - Parameters:
  ///   - limits: should have been validated.
  ///   - info: what the worker says of itself.
  ///   - identify: reads the envelope of a payload.
  ///   - clock: measures waiting and the life of results.
  package init<C: Clock>(
    limits: QueueLimits = QueueLimits(), workerID: String = "embedded", clock: C,
    info: @escaping WorkerInfo.Source = { [:] }, identify: @escaping JobIdentifier
  ) where C.Duration == Duration {
    self.workerID = workerID
    self.info = info
    self.identify = identify
    self.clock = QueueClock(clock)
    state = Mutex(InMemoryQueueState(limits: limits))
    (interruptions, interrupted) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
  }

  package convenience init(
    limits: QueueLimits = QueueLimits(), info: @escaping WorkerInfo.Source = { [:] },
    identify: @escaping JobIdentifier
  ) {
    self.init(limits: limits, clock: ContinuousClock(), info: info, identify: identify)
  }

  /// Runs until shutdown, and then ends all streams and refuses all calls.
  package func run() async throws {
    try? await gracefulShutdown()
    state.withLock { $0.closed = true }
    hub.close()
    interrupted.finish()
    arrivals.notify()
  }

  private func withState<Value: Sendable>(
    _ body: (inout InMemoryQueueState, _ now: Duration) throws(JobQueueError) -> sending Value
  ) throws(JobQueueError) -> Value {
    let now = clock.now()
    let outcome: Result<Value, JobQueueError> = state.withLock { state in
      if state.closed { return .failure(.closed) }
      do throws(JobQueueError) {
        return .success(try body(&state, now))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}

// MARK: - JobProducer

extension InMemoryJobQueue {
  package var replyAddress: ReplyAddress? { nil }

  package func submit(_ submission: JobSubmission) async throws(JobQueueError) -> SubmitOutcome {
    let outcome = try withState { state, now throws(JobQueueError) in try state.submit(submission, now: now) }
    if case .queued = outcome { arrivals.notify() }
    return outcome
  }

  package func subscribe(to id: JobID) -> JobEventStream { hub.subscribe(to: id) }

  package func attach(to id: JobID) async throws(JobQueueError) {
    try withState { state, _ in state.attach(to: id) }
  }

  package func state(of id: JobID) async throws(JobQueueError) -> JobState {
    try withState { state, now in state.state(of: id, now: now) }
  }

  package func result(of id: JobID) async throws(JobQueueError) -> [UInt8]? {
    guard case .finished(let result) = try await state(of: id) else { return nil }
    return result
  }

  @discardableResult
  package func cancel(
    _ id: JobID, result: [UInt8], onlyHere: Bool
  ) async throws(JobQueueError) -> CancelOutcome {
    let outcome = try withState { state, now in state.cancel(id, result: result, now: now) }
    switch outcome {
    case .removed: hub.publish(.finished(result: result), of: id)
    case .requested: interrupted.yield(.cancelled(id))
    case .alreadyFinished, .wantedElsewhere, .unknown: break
    }
    return outcome
  }
}

// MARK: - JobConsumer

extension InMemoryJobQueue {
  /// True for all: requesters are in this process and are told without an address.
  package func accepts(_ address: ReplyAddress) -> Bool { true }

  package func claim(upTo limit: Int, waiting: Duration) async throws(JobQueueError) -> [ClaimedJob] {
    let deadline = clock.now() + waiting
    while true {
      let seen = arrivals.count
      let taken = try withState { state, now in state.claim(upTo: limit, now: now) }
      if !taken.isEmpty || clock.now() >= deadline || Task.isCancelled || limit < 1 {
        return taken.map { number, job, priority in
          ClaimedJob(
            payload: job.payload, envelope: identify(job.payload), priority: priority, claimNumber: number)
        }
      }
      await waitForArrival(after: seen, until: deadline)
    }
  }

  private func waitForArrival(after seen: UInt64, until deadline: Duration) async {
    await withTaskGroup { group in
      group.addTask { await self.arrivals.wait(after: seen) }
      group.addTask { await self.clock.sleep(until: deadline) }
      await group.next()
      group.cancelAll()
    }
  }

  package func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?
  ) async throws(JobQueueError) -> StartOutcome {
    try withState { state, now in state.start(job, id: id, timeToLive: timeToLive, now: now) }
  }

  package func emit(_ progress: [JobProgress]) async throws(JobQueueError) -> [EmitOutcome] {
    let outcomes = try withState { state, _ in progress.map { state.emit($0) } }
    for (piece, outcome) in zip(progress, outcomes) {
      guard case .delivered = outcome else { continue }
      hub.publish(.progress(sequence: piece.sequence, body: piece.body), of: piece.id)
    }
    return outcomes
  }

  @discardableResult
  package func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], failed: Bool, replyTo: ReplyAddress?
  ) async throws(JobQueueError) -> PostOutcome {
    let outcome = try withState { state, now in
      state.post(job, id: id, result: result, failed: failed, now: now)
    }
    if outcome == .visible { hub.publish(.finished(result: result), of: id) }
    return outcome
  }

  package func bury(
    _ job: ClaimedJob, id: JobID?, reason: String, result: [UInt8]?, replyTo: ReplyAddress?
  ) async throws(JobQueueError) {
    let visible = try withState { state, now in
      state.bury(job, id: id, reason: reason, result: result, now: now)
    }
    if visible, let id, let result { hub.publish(.finished(result: result), of: id) }
  }

  package func release(_ job: ClaimedJob) async throws(JobQueueError) {
    try withState { state, _ in state.release(job) }
    arrivals.notify()
  }
}

// MARK: - JobQueueInspector

extension InMemoryJobQueue {
  package func status() async throws(JobQueueError) -> QueueStatus {
    try withState { state, now in
      QueueStatus(
        depth: Dictionary(
          uniqueKeysWithValues: JobPriority.allCases.map { ($0, state.lists[$0]?.count ?? 0) }),
        running: state.claims.count, dead: state.dead.count,
        workers: state.lastClaimAt.map {
          [
            WorkerStatus(
              id: workerID, lastBeat: now - $0, alive: true, running: state.claims.count, info: info())
          ]
        } ?? [],
        paused: state.paused, oldestWait: state.oldestWait(now: now), counts: state.counts)
    }
  }

  /// A worker is taken for alive once it has claimed: it can't die without this process.
  package func ready() async throws(JobQueueError) {
    let hasWorker = try withState { state, _ in state.lastClaimAt != nil }
    if !hasWorker { throw JobQueueError(.unavailable, "no worker has started", retryAfter: .seconds(1)) }
  }

  package func deadJobs(limit: Int) async throws(JobQueueError) -> [DeadJob] {
    try withState { state, _ in state.dead.suffix(max(0, limit)).reversed() }
  }

  package func retryDeadJobs() async throws(JobQueueError) -> Int {
    let count = try withState { state, now in state.retryDead(now: now) }
    arrivals.notify()
    return count
  }

  package func purgeDeadJobs() async throws(JobQueueError) -> Int {
    try withState { state, _ in
      defer { state.dead = [] }
      return state.dead.count
    }
  }

  package func setPaused(_ paused: Bool) async throws(JobQueueError) {
    try withState { state, _ in state.paused = paused }
    arrivals.notify()
  }
}
