package import JobQueue
package import Logging
import ServiceLifecycle
import Synchronization

/// A worker's side of a queue on Redis, whatever the number of its shards: it claims from all of them.
///
/// The number of a claim says its shard: it is the number within the shard times the count of shards, plus the
/// index of the shard.
package final class ShardedJobConsumer: JobConsumer {
  package let interruptions: AsyncStream<JobInterruption>
  private let interrupted: AsyncStream<JobInterruption>.Continuation
  private let shards: [RedisJobConsumer]
  private let pollInterval: Duration
  private let nextShard = Mutex(0)

  /// - Parameters:
  ///   - info: what the worker says of itself to those who look at the queue.
  ///   - identify: reads the envelope of a payload.
  /// - Throws: `invalidConfiguration`. Redis needn't be reachable yet.
  package init(
    configuration: RedisConfiguration, info: @escaping WorkerInfo.Source = { [:] }, logger: Logger,
    identify: @escaping JobIdentifier
  ) throws(JobQueueError) {
    try configuration.validate()
    var shards: [RedisJobConsumer] = []
    for shard in Shards.configurations(of: configuration) {
      shards.append(
        try RedisJobConsumer(configuration: shard, info: info, logger: logger, identify: identify))
    }
    self.shards = shards
    pollInterval = configuration.pollInterval / shards.count
    (interruptions, interrupted) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
  }

  package var workerID: String { shards[0].workerID }

  /// Whether the last sign of life that each shard confirmed is recent enough for the jobs here to be safe.
  package var isAlive: Bool { shards.allSatisfy(\.isAlive) }

  package func run() async throws {
    defer { interrupted.finish() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, shard) in shards.enumerated() {
        group.addTask { try await shard.run() }
        group.addTask {
          for await interruption in shard.interruptions {
            self.interrupted.yield(self.outer(interruption, index))
          }
        }
      }
      try await group.waitForAll()
    }
  }

  package func accepts(_ address: ReplyAddress) -> Bool { shards.contains { $0.accepts(address) } }

  // MARK: Claiming

  /// Looks at all shards in turn, from another one each time, and waits at one of them if all are empty. A shard
  /// that can't be reached doesn't keep the others from being served.
  package func claim(upTo limit: Int, waiting: Duration) async throws(JobQueueError) -> [ClaimedJob] {
    if shards.count == 1 { return try await shards[0].claim(upTo: limit, waiting: waiting) }
    guard limit > 0 else { return [] }
    let deadline = ContinuousClock.now + waiting
    while true {
      let first = nextShard.withLock { next in
        defer { next = (next + 1) % shards.count }
        return next
      }
      var jobs: [ClaimedJob] = []
      var problems: [JobQueueError] = []
      for offset in shards.indices where jobs.count < limit {
        let index = (first + offset) % shards.count
        // The last one, if all are empty.
        let isLast = offset == shards.count - 1
        let wait = isLast && jobs.isEmpty ? min(pollInterval, deadline - ContinuousClock.now) : .zero
        do throws(JobQueueError) {
          let taken = try await shards[index].claim(upTo: limit - jobs.count, waiting: max(.zero, wait))
          jobs += taken.map { outer($0, index) }
        } catch {
          if error.code != .unavailable, jobs.isEmpty { throw error }
          problems.append(error)
        }
      }
      if !jobs.isEmpty { return jobs }
      if ContinuousClock.now >= deadline || Task.isCancelled {
        if let problem = problems.first, problems.count == shards.count { throw problem }
        return []
      }
    }
  }

  private func outer(_ job: ClaimedJob, _ index: Int) -> ClaimedJob {
    renumbered(job, outer(job.claimNumber, index))
  }

  private func outer(_ interruption: JobInterruption, _ index: Int) -> JobInterruption {
    switch interruption {
    case .cancelled: interruption
    case .fenced(let claimNumber): .fenced(claimNumber: outer(claimNumber, index))
    }
  }

  private func outer(_ claimNumber: UInt64, _ index: Int) -> UInt64 {
    claimNumber * UInt64(shards.count) + UInt64(index)
  }

  private func inner(_ job: ClaimedJob) -> (shard: RedisJobConsumer, job: ClaimedJob) {
    let count = UInt64(shards.count)
    return (shards[Int(job.claimNumber % count)], renumbered(job, job.claimNumber / count))
  }

  private func renumbered(_ job: ClaimedJob, _ number: UInt64) -> ClaimedJob {
    ClaimedJob(
      payload: job.payload, envelope: job.envelope, priority: job.priority,
      attemptsExhausted: job.attemptsExhausted, claimNumber: number)
  }

  // MARK: The life of a job

  package func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?
  ) async throws(JobQueueError) -> StartOutcome {
    let (shard, job) = inner(job)
    return try await shard.start(job, id: id, timeToLive: timeToLive)
  }

  package func emit(_ progress: [JobProgress]) async throws(JobQueueError) -> [EmitOutcome] {
    var outcomes = [EmitOutcome](repeating: .fenced, count: progress.count)
    let byShard = Dictionary(grouping: progress.indices) {
      progress[$0].job.claimNumber % UInt64(shards.count)
    }
    for indices in byShard.values {
      let pieces = indices.map { index in
        let piece = progress[index]
        return JobProgress(
          job: inner(piece.job).job, id: piece.id, sequence: piece.sequence, body: piece.body,
          replyTo: piece.replyTo)
      }
      let shard = inner(progress[indices[0]].job).shard
      for (index, outcome) in zip(indices, try await shard.emit(pieces)) { outcomes[index] = outcome }
    }
    return outcomes
  }

  @discardableResult
  package func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], failed: Bool, replyTo: ReplyAddress?
  ) async throws(JobQueueError) -> PostOutcome {
    let (shard, job) = inner(job)
    return try await shard.post(job, id: id, result: result, failed: failed, replyTo: replyTo)
  }

  package func bury(
    _ job: ClaimedJob, id: JobID?, reason: String, result: [UInt8]?, replyTo: ReplyAddress?
  ) async throws(JobQueueError) {
    let (shard, job) = inner(job)
    try await shard.bury(job, id: id, reason: reason, result: result, replyTo: replyTo)
  }

  package func release(_ job: ClaimedJob) async throws(JobQueueError) {
    let (shard, job) = inner(job)
    try await shard.release(job)
  }
}
