import JobQueue
import Logging
import Synchronization

/// Receives the events for a gateway from its stream.
///
/// A stream can be read again from the last event that was seen, so a broken connection loses nothing. Whatever
/// is lost all the same (the inbox was full, Redis was restored) is made up for by looking for the results of
/// all that is waited for.
final class RedisInbox: Sendable {
  /// Time between two looks for results whose event may have been lost.
  private static let lookInterval = Duration.seconds(1)
  private static let longestWait = Duration.milliseconds(500)
  /// Also how soon a primary that was cut off is noticed by a connection that only reads.
  private static let refreshInterval = Duration.seconds(1)

  private let key: String
  private let configuration: RedisConfiguration
  private let keys: RedisKeys
  private let connection: RedisConnection
  private let commands: RedisConnection
  private let hub: JobEventHub
  private let logger: Logger
  private let stopped = Mutex(false)

  init(
    key: String, name: String, configuration: RedisConfiguration, commands: RedisConnection, hub: JobEventHub,
    logger: Logger
  ) {
    self.key = key
    self.configuration = configuration
    keys = RedisKeys(namespace: configuration.namespace)
    self.commands = commands
    self.hub = hub
    self.logger = logger
    connection = RedisConnection(name: "queue-inbox") {
      RedisLink(
        configuration: configuration, name: "inbox:\(name)", scripts: [], blocking: Self.longestWait,
        logger: logger)
    }
  }

  private var refresh: RedisCommand {
    RedisCommand("PEXPIRE", key, configuration.inboxTimeToLive.redisMilliseconds)
  }

  func stop() { stopped.withLock { $0 = true } }

  /// - Throws: why the server must not be worked with.
  func run() async throws(JobQueueError) {
    defer { connection.close() }
    // The name of the stream is new with every start: what is in it came after the subscriptions.
    var last = "0-0"
    var nextLook = ContinuousClock.now
    var nextRefresh = nextLook
    var overdue: Set<JobID> = []
    var failures = 0
    var checkedConnection = 0
    while !stopped.withLock({ $0 }) {
      var batch = [
        RedisCommand(
          "XREAD", "COUNT", 256, "BLOCK", Self.longestWait.redisMilliseconds, "STREAMS", key, last)
      ]
      if ContinuousClock.now >= nextRefresh {
        batch.insert(refresh, at: 0)
        nextRefresh = ContinuousClock.now + Self.refreshInterval
      }
      do {
        let reply = try await connection.perform(batch, patience: .zero).last?.checked() ?? .null
        for event in InboxEvent.read(reply) {
          last = event.position
          if let (id, event) = event.content { hub.publish(event, of: id) }
        }
        if failures > 0 { nextLook = ContinuousClock.now }
        failures = 0
      } catch {
        if failures == 0 { logger.warning("receiving events failed: \(error)") }
        try? await Task.sleep(for: Backoff.delay(afterFailures: failures))
        failures += 1
      }
      // A new connection may lead to another server.
      if checkedConnection != connection.connectionCount,
        let info = try? await commands.send([RedisServerCheck.command]).first,
        !info.isTransientError
      {
        checkedConnection = connection.connectionCount
        let mode = configuration.checks
        if let problem = RedisServerCheck.verdict(on: info, mode: mode, logger: logger) { throw problem }
      }
      if failures == 0, ContinuousClock.now >= nextLook {
        overdue = await lookForResults(overdue: overdue)
        nextLook = ContinuousClock.now + Self.lookInterval
      }
      if Task.isCancelled { break }
    }
  }

  /// Publishes the results of jobs that were done at the last look already, and whose event hasn't come since.
  ///
  /// - Parameter overdue: the jobs that were done at the last look.
  /// - Returns: the jobs that are done now, and whose event may still be on its way with progress before it.
  private func lookForResults(overdue: Set<JobID>) async -> Set<JobID> {
    var done: Set<JobID> = []
    let waiting = hub.waitingIDs
    for start in stride(from: 0, to: waiting.count, by: 200) {
      let ids = waiting[start..<min(start + 200, waiting.count)]
      // The connection may have had nothing to write for long.
      let replies = try? await commands.send([refresh, RedisCommand("MGET", ids.map(keys.result))])
      for (id, result) in zip(ids, replies?.last?.array ?? []) {
        guard let bytes = result.bytes else { continue }
        if overdue.contains(id) { hub.publish(.finished(result: bytes), of: id) } else { done.insert(id) }
      }
    }
    return done
  }
}

/// An entry of an inbox: its position, and what it says if it can be understood.
struct InboxEvent {
  let position: String
  let content: (JobID, JobEvent)?

  /// Reads the answer to an `XREAD` of one stream.
  static func read(_ reply: RedisReply) -> [InboxEvent] {
    let entries = reply.array?.first?.array?.last?.array ?? []
    return entries.compactMap { entry in
      guard let parts = entry.array, parts.count == 2, let position = parts[0].string else { return nil }
      return InboxEvent(position: position, content: content(parts[1].pairs))
    }
  }

  private static func content(_ fields: [(name: String, value: RedisReply)]) -> (JobID, JobEvent)? {
    var id: JobID?
    var sequence: Int?
    var isDone = false
    var body: [UInt8]?
    for (name, value) in fields {
      switch name {
      case "id": id = value.string.flatMap(JobID.init)
      case "seq": sequence = value.integer
      case "done": isDone = true
      case "d": body = value.bytes
      default: break
      }
    }
    guard let id, let body else { return nil }
    if isDone { return (id, .finished(result: body)) }
    return sequence.map { (id, .progress(sequence: $0, body: body)) }
  }
}
