package import JobQueue
package import Logging
import ServiceLifecycle

/// A gateway's side of the queue on Redis.
///
/// Two connections with a thread each: one carries all commands as a pipeline, one waits for events.
package final class RedisJobProducer: JobProducer {
  let configuration: RedisConfiguration
  let keys: RedisKeys
  let identify: JobIdentifier
  let commands: RedisConnection
  private let inbox: RedisInbox
  private let hub = JobEventHub()
  private let address: String

  /// - Parameter identify: reads the envelope of a payload.
  /// - Throws: `invalidConfiguration`. Redis needn't be reachable yet.
  package init(
    configuration: RedisConfiguration, logger: Logger, identify: @escaping JobIdentifier
  ) throws(JobQueueError) {
    try configuration.validate()
    let name = WorkerIdentity.make()
    self.configuration = configuration
    self.identify = identify
    keys = RedisKeys(namespace: configuration.namespace)
    address = keys.inbox(name)
    commands = RedisConnection(name: "queue-command") {
      RedisLink(
        configuration: configuration, name: "gateway:\(name)", scripts: RedisScripts.producer, logger: logger)
    }
    inbox = RedisInbox(
      key: address, name: name, configuration: configuration, commands: commands, hub: hub, logger: logger)
  }

  /// Receives events until shutdown, and then ends all streams and refuses all calls.
  package func run() async throws {
    defer {
      hub.close()
      commands.close()
    }
    try await withTaskCancellationOrGracefulShutdownHandler {
      try await inbox.run()
    } onCancelOrGracefulShutdown: {
      self.inbox.stop()
    }
  }

  package var replyAddress: ReplyAddress? { ReplyAddress(address) }

  /// For questions: people and probes ask again rather than wait longer.
  var patienceToAsk: Duration { min(.seconds(1), configuration.producerPatience) }

  package func subscribe(to id: JobID) -> JobEventStream { hub.subscribe(to: id) }

  package func submit(_ submission: JobSubmission) async throws(JobQueueError) -> SubmitOutcome {
    let id = submission.id
    let command = RedisCommand(
      RedisScripts.submit,
      keys: [
        keys.queue(submission.priority), keys.job(id), keys.result(id), keys.cancellation(id), keys.stats,
        keys.pace,
      ],
      [
        submission.payload, configuration.limits.capacity, configuration.jobTimeToLive.redisMilliseconds,
        submission.priority.rawValue, submission.fingerprint ?? "", "s" + address,
      ])
    let reply = try await commands.perform(command, patience: configuration.producerPatience)
    let elements = reply.array ?? []
    switch elements.first?.integer {
    case 1: return .queued(position: elements.last?.integer ?? 1)
    case 2: return .attached
    case 3: return .finished(result: elements.last?.bytes ?? [])
    case 4:
      let seconds = elements.last?.integer ?? -1
      throw .queueFull(
        capacity: configuration.limits.capacity, timeToServe: seconds < 0 ? nil : .seconds(seconds))
    case 5: throw .idConflict(id)
    default: throw RedisReply.unexpected(reply, from: "submit")
    }
  }

  package func attach(to id: JobID) async throws(JobQueueError) {
    let command = RedisCommand(RedisScripts.attach, keys: [keys.job(id)], ["s" + address])
    _ = try await commands.perform(command, patience: patienceToAsk)
  }

  package func state(of id: JobID) async throws(JobQueueError) -> JobState {
    let replies = try await commands.perform(
      [RedisCommand("GET", keys.result(id)), RedisCommand("HMGET", keys.job(id), "s", "att", "t1")],
      patience: patienceToAsk)
    for reply in replies { _ = try reply.checked() }
    if let result = replies.first?.bytes { return .finished(result: result) }
    let fields = replies.last?.array ?? []
    switch (fields.first?.string, hasBegun: fields.last?.integer != nil) {
    case ("queued", hasBegun: false): return .queued
    case ("queued", hasBegun: true), ("running", _):
      return .running(attempt: (fields.dropFirst().first?.integer ?? 0) + 1)
    default: return .unknown
    }
  }

  package func result(of id: JobID) async throws(JobQueueError) -> [UInt8]? {
    try await commands.perform(RedisCommand("GET", keys.result(id)), patience: patienceToAsk).bytes
  }

  @discardableResult
  package func cancel(
    _ id: JobID, result: [UInt8], onlyHere: Bool
  ) async throws(JobQueueError) -> CancelOutcome {
    let command = RedisCommand(
      RedisScripts.cancel,
      keys: [keys.cancellation(id), keys.result(id), keys.job(id), keys.stats]
        + JobPriority.allCases.map(keys.queue),
      [
        id.rawValue, result, configuration.cancelTimeToLive.redisMilliseconds,
        configuration.limits.resultTimeToLive.redisMilliseconds, configuration.inboxCapacity,
        configuration.inboxTimeToLive.redisMilliseconds, onlyHere ? "s" + address : "",
      ])
    let reply = try await commands.perform(command, patience: configuration.producerPatience)
    switch reply.integer {
    case 1: return .removed
    case 2: return .requested
    case 3: return .alreadyFinished
    case 4: return .wantedElsewhere
    case 0: return .unknown
    default: throw RedisReply.unexpected(reply, from: "cancel")
    }
  }
}
