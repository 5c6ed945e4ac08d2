import JobQueue
import Synchronization
import ThreadExecutor

/// A connection for many tasks, on a thread of its own.
///
/// Whatever tasks want to send while the thread is busy goes out together as one pipeline.
actor RedisConnection {
  private typealias Outcome = Result<[RedisReply], RedisFailure>

  private struct Outbox {
    var nextTicket = 0
    var requests: [(ticket: Int, commands: [RedisCommand])] = []
  }

  private let executor: ThreadExecutor
  private let link: RedisLink
  private let outbox = Mutex(Outbox())
  private var outcomes: [Int: Outcome] = [:]

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  init(name: String, makeLink: () -> sending RedisLink) {
    executor = ThreadExecutor(name: name)
    link = makeLink()
  }

  /// How often a connection was made so far.
  var connectionCount: Int { link.connectionCount }

  func close() { link.close() }

  /// One try. Commands of one call are sent in order and next to each other.
  nonisolated func send(_ commands: [RedisCommand]) async throws(RedisFailure) -> [RedisReply] {
    let ticket = outbox.withLock { outbox in
      outbox.nextTicket += 1
      outbox.requests.append((outbox.nextTicket, commands))
      return outbox.nextTicket
    }
    return try await outcome(of: ticket)
  }

  /// Sends what has gathered, unless an earlier call has sent it for us.
  private func outcome(of ticket: Int) throws(RedisFailure) -> [RedisReply] {
    if outcomes[ticket] == nil { flush() }
    guard let outcome = outcomes.removeValue(forKey: ticket) else {
      throw RedisFailure(kind: .notConnected, message: "the request was not sent")
    }
    return try outcome.get()
  }

  private func flush() {
    let requests = outbox.withLock { outbox in
      defer { outbox.requests = [] }
      return outbox.requests
    }
    do throws(RedisFailure) {
      var replies = try link.send(requests.flatMap(\.commands))[...]
      for request in requests {
        outcomes[request.ticket] = .success(Array(replies.prefix(request.commands.count)))
        replies = replies.dropFirst(request.commands.count)
      }
    } catch {
      for request in requests { outcomes[request.ticket] = .failure(error) }
    }
  }

  /// Tries until it works or `patience` is over. Only for commands that may be done twice.
  nonisolated func perform(
    _ commands: [RedisCommand], patience: Duration
  ) async throws(JobQueueError) -> [RedisReply] {
    let deadline = ContinuousClock.now + patience
    var failures = 0
    while true {
      var problem: JobQueueError
      do throws(RedisFailure) {
        let replies = try await send(commands)
        guard let transient = replies.first(where: \.isTransientError) else { return replies }
        problem = JobQueueError(
          .unavailable, "Redis is not ready: \(transient.error ?? "")", retryAfter: .seconds(1))
      } catch {
        if error.kind == .closed { throw .closed }
        problem = error.jobQueueError
      }
      let delay = Backoff.delay(afterFailures: failures)
      failures += 1
      if ContinuousClock.now + delay >= deadline { throw problem }
      do {
        try await Task.sleep(for: delay)
      } catch {
        throw problem
      }
    }
  }

  /// Tries one command until it works or `patience` is over, and throws the errors that Redis answers.
  nonisolated func perform(
    _ command: RedisCommand, patience: Duration
  ) async throws(JobQueueError) -> RedisReply {
    try await perform([command], patience: patience).first?.checked() ?? .null
  }
}
