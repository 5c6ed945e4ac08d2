package import JobQueue
package import Logging
import ServiceLifecycle

/// A gateway's side of a queue on Redis, whatever the number of its shards.
package final class ShardedJobProducer: JobProducer {
  let shards: [RedisJobProducer]

  /// - Parameter identify: reads the envelope of a payload.
  /// - Throws: `invalidConfiguration`. Redis needn't be reachable yet.
  package init(
    configuration: RedisConfiguration, logger: Logger, identify: @escaping JobIdentifier
  ) throws(JobQueueError) {
    try configuration.validate()
    var shards: [RedisJobProducer] = []
    for shard in Shards.configurations(of: configuration) {
      shards.append(try RedisJobProducer(configuration: shard, logger: logger, identify: identify))
    }
    self.shards = shards
  }

  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for shard in shards { group.addTask { try await shard.run() } }
      try await group.waitForAll()
    }
  }

  /// With several shards nil: each has an address of its own, which it adds to what is submitted.
  package var replyAddress: ReplyAddress? { shards.count == 1 ? shards[0].replyAddress : nil }

  private func shard(of id: JobID) -> RedisJobProducer { shards[Shards.index(of: id, among: shards.count)] }

  package func subscribe(to id: JobID) -> JobEventStream { shard(of: id).subscribe(to: id) }

  package func submit(_ submission: JobSubmission) async throws(JobQueueError) -> SubmitOutcome {
    try await shard(of: submission.id).submit(submission)
  }

  package func attach(to id: JobID) async throws(JobQueueError) {
    try await shard(of: id).attach(to: id)
  }

  package func state(of id: JobID) async throws(JobQueueError) -> JobState {
    try await shard(of: id).state(of: id)
  }

  package func result(of id: JobID) async throws(JobQueueError) -> [UInt8]? {
    try await shard(of: id).result(of: id)
  }

  @discardableResult
  package func cancel(
    _ id: JobID, result: [UInt8], onlyHere: Bool
  ) async throws(JobQueueError) -> CancelOutcome {
    try await shard(of: id).cancel(id, result: result, onlyHere: onlyHere)
  }
}

extension ShardedJobProducer: JobQueueInspector {
  package func status() async throws(JobQueueError) -> QueueStatus {
    var whole = try await shards[0].status()
    for shard in shards.dropFirst() {
      let part = try await shard.status()
      whole.depth.merge(part.depth, uniquingKeysWith: +)
      whole.counts.merge(part.counts, uniquingKeysWith: +)
      whole.running += part.running
      whole.dead += part.dead
      whole.workers += part.workers
      whole.paused = whole.paused || part.paused
      whole.oldestWait = [whole.oldestWait, part.oldestWait].compactMap(\.self).max()
    }
    return whole
  }

  /// Throws if any shard isn't: some of the jobs couldn't be served.
  package func ready() async throws(JobQueueError) {
    for shard in shards { try await shard.ready() }
  }

  /// The newest of each shard, shard after shard.
  package func deadJobs(limit: Int) async throws(JobQueueError) -> [DeadJob] {
    var jobs: [DeadJob] = []
    for shard in shards { jobs += try await shard.deadJobs(limit: limit - jobs.count) }
    return jobs
  }

  package func retryDeadJobs() async throws(JobQueueError) -> Int {
    var count = 0
    for shard in shards { count += try await shard.retryDeadJobs() }
    return count
  }

  package func purgeDeadJobs() async throws(JobQueueError) -> Int {
    var count = 0
    for shard in shards { count += try await shard.purgeDeadJobs() }
    return count
  }

  package func setPaused(_ paused: Bool) async throws(JobQueueError) {
    for shard in shards { try await shard.setPaused(paused) }
  }
}
