package import JobQueue
package import Logging
import ServiceLifecycle
import Synchronization

/// A worker's side of the queue on Redis.
///
/// Three connections with a thread each: one waits for jobs, one carries what becomes of them, one beats.
package final class RedisJobConsumer: JobConsumer {
  let worker: RedisWorker
  let claims: RedisConnection
  let claimState = Mutex(ClaimState())
  private let commands: RedisConnection
  private let heartbeat: RedisHeartbeat

  /// - Parameters:
  ///   - info: what the worker says of itself to those who look at the queue.
  ///   - identify: reads the envelope of a payload.
  /// - Throws: `invalidConfiguration`. Redis needn't be reachable yet.
  package init(
    configuration: RedisConfiguration, info: @escaping WorkerInfo.Source = { [:] }, logger: Logger,
    identify: @escaping JobIdentifier
  ) throws(JobQueueError) {
    try configuration.validate()
    let worker = RedisWorker(configuration: configuration, info: info, logger: logger, identify: identify)
    self.worker = worker
    claims = RedisConnection(name: "queue-claim") {
      RedisLink(
        configuration: configuration, name: "claim:\(worker.id)", scripts: RedisScripts.consumer,
        blocking: configuration.pollInterval, logger: logger)
    }
    commands = RedisConnection(name: "queue-work") {
      RedisLink(
        configuration: configuration, name: "work:\(worker.id)", scripts: RedisScripts.consumer,
        logger: logger)
    }
    heartbeat = RedisHeartbeat(worker: worker)
  }

  package var workerID: String { worker.id }
  package var interruptions: AsyncStream<JobInterruption> { worker.interruptions }

  package func run() async throws {
    try await withTaskCancellationOrGracefulShutdownHandler {
      try await heartbeat.run()
    } onCancelOrGracefulShutdown: {
      self.heartbeat.stop()
    }
    worker.interrupted.finish()
    claims.close()
    commands.close()
  }

  package func accepts(_ address: ReplyAddress) -> Bool { !worker.keys.announcement(address).isEmpty }

  package func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?
  ) async throws(JobQueueError) -> StartOutcome {
    let keys = worker.keys
    let configuration = worker.configuration
    let runsAlready = worker.jobs.withLock { jobs in
      jobs.running.contains { $0.id == id && $0.job.claimNumber != job.claimNumber }
    }
    let command = RedisCommand(
      RedisScripts.start,
      keys: [
        worker.processing, keys.job(id), keys.result(id), keys.cancellation(id), keys.workers,
        keys.workerInfo(worker.id), keys.paused, keys.queue(job.priority),
      ],
      [
        worker.token(of: job), job.payload, id.rawValue, job.priority.rawValue,
        timeToLive?.redisMilliseconds ?? 0, configuration.lease.redisMilliseconds,
        configuration.jobTimeToLive.redisMilliseconds, keys.announcement(job.envelope?.replyTo),
      ] + inboxLimits + [configuration.limits.resultTimeToLive.redisMilliseconds, runsAlready ? 1 : 0])
    let reply = try await settle(job, command)
    let numbers = reply.array?.compactMap(\.integer) ?? []
    switch numbers.first {
    case 4:
      throw JobQueueError(
        .unavailable, "Redis lost the jobs that are held here; they are put back first",
        retryAfter: .seconds(1))
    case 0:
      worker.jobs.withLock { $0.remove(job) }
      return .alreadyFinished
    case 1: return .cancelled
    case 2: return .expired
    case 3 where numbers.count == 3:
      worker.jobs.withLock { $0.noteStarted(job) }
      return .run(attempt: numbers[1] + 1, queued: numbers[2] < 0 ? nil : .milliseconds(numbers[2]))
    default: throw RedisReply.unexpected(reply, from: "start")
    }
  }

  package func emit(_ progress: [JobProgress]) async throws(JobQueueError) -> [EmitOutcome] {
    if progress.isEmpty { return [] }
    // Long enough for a new connection, too short for the engine to be held up.
    let replies = try await commands.perform(progress.map(emission), patience: .milliseconds(100))
    var outcomes: [EmitOutcome] = []
    for (piece, reply) in zip(progress, replies) {
      switch try reply.checked().integer ?? 0 {
      case -1: outcomes.append(.cancelled)
      case let told where told > 0: outcomes.append(.delivered(attachments: told - 1))
      default:
        worker.jobs.withLock { $0.remove(piece.job) }
        outcomes.append(.fenced)
      }
    }
    return outcomes
  }

  private func emission(_ piece: JobProgress) -> RedisCommand {
    RedisCommand(
      RedisScripts.emit, keys: [worker.keys.job(piece.id), worker.keys.cancellation(piece.id)],
      [
        worker.token(of: piece.job), piece.id.rawValue, piece.sequence, piece.body,
        worker.keys.announcement(piece.replyTo),
      ] + inboxLimits)
  }

  @discardableResult
  package func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], failed: Bool, replyTo: ReplyAddress?
  ) async throws(JobQueueError) -> PostOutcome {
    let keys = worker.keys
    let command = RedisCommand(
      RedisScripts.post,
      keys: [worker.processing, keys.result(id), keys.job(id), keys.stats],
      [
        job.payload, result, worker.configuration.limits.resultTimeToLive.redisMilliseconds, id.rawValue,
        keys.announcement(replyTo),
      ] + inboxLimits + [failed ? 1 : 0])
    let reply = try await settle(job, command)
    worker.jobs.withLock { $0.remove(job) }
    return reply.integer == 1 ? .visible : .duplicate
  }

  package func bury(
    _ job: ClaimedJob, id: JobID?, reason: String, result: [UInt8]?, replyTo: ReplyAddress?
  ) async throws(JobQueueError) {
    let keys = worker.keys
    let limits = worker.configuration.limits
    let command = RedisCommand(
      RedisScripts.bury,
      keys: [worker.processing, keys.dead, keys.stats] + (id.map { [keys.job($0), keys.result($0)] } ?? []),
      [
        job.payload, limits.deadCapacity, job.priority.rawValue, DeadEntry.line(reason), id?.rawValue ?? "?",
        result ?? [], limits.resultTimeToLive.redisMilliseconds, keys.announcement(replyTo),
      ] + inboxLimits + [limits.deadTimeToLive.redisMilliseconds])
    _ = try await settle(job, command)
    worker.jobs.withLock { $0.remove(job) }
  }

  package func release(_ job: ClaimedJob) async throws(JobQueueError) {
    let keys = worker.keys
    let command = RedisCommand(
      RedisScripts.release,
      keys: [worker.processing, keys.queue(job.priority)] + (job.envelope.map { [keys.job($0.id)] } ?? []),
      [job.payload, worker.token(of: job)])
    _ = try await settle(job, command)
    worker.jobs.withLock { $0.remove(job) }
  }

  private var inboxLimits: [any RedisWord] {
    [worker.configuration.inboxCapacity, worker.configuration.inboxTimeToLive.redisMilliseconds]
  }

  /// Insists for a while. A job whose fate can't be told to Redis is forgotten here, so that it is taken up
  /// again when Redis is back.
  private func settle(_ job: ClaimedJob, _ command: RedisCommand) async throws(JobQueueError) -> RedisReply {
    do {
      return try await commands.perform(command, patience: worker.configuration.consumerPatience)
    } catch {
      worker.jobs.withLock { $0.remove(job) }
      throw error
    }
  }
}
