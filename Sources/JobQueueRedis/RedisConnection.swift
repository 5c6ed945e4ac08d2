import JobQueue
import Synchronization
import ThreadExecutor

/// A connection for many tasks, on a thread of its own.
///
/// Whatever tasks want to send while the thread is busy goes out together as one pipeline.
final class RedisConnection: Sendable {
  private typealias Outcome = Result<[RedisReply], RedisFailure>

  private struct Request {
    let commands: [RedisCommand]
    let continuation: CheckedContinuation<Outcome, Never>
  }

  /// What the tasks and the thread share; outlives the connection until the thread has ended.
  private final class Mailbox: Sendable {
    struct State {
      var requests: [Request] = []
      var isClosed = false
      var connectionCount = 0
    }

    let state = Mutex(State())
    let arrived = WaitableFlag()

    /// Answers requests until the mailbox is closed, and then the last ones.
    func serve(_ link: RedisLink) {
      while true {
        let (requests, isClosed) = state.withLock { state in
          defer { state.requests = [] }
          return (state.requests, state.isClosed)
        }
        if requests.isEmpty {
          if isClosed { return link.close() }
          arrived.wait()
        } else {
          answer(requests, link)
        }
      }
    }

    private func answer(_ requests: [Request], _ link: RedisLink) {
      let outcome: Outcome
      do throws(RedisFailure) {
        outcome = .success(try link.send(requests.flatMap(\.commands)))
      } catch {
        outcome = .failure(error)
      }
      state.withLock { $0.connectionCount = link.connectionCount }
      switch outcome {
      case .success(let replies):
        var rest = replies[...]
        for request in requests {
          request.continuation.resume(returning: .success(Array(rest.prefix(request.commands.count))))
          rest = rest.dropFirst(request.commands.count)
        }
      case .failure:
        for request in requests { request.continuation.resume(returning: outcome) }
      }
    }
  }

  private let mailbox = Mailbox()

  /// - Parameter makeLink: makes the link of the thread.
  init(name: String, makeLink: @escaping @Sendable () -> RedisLink) {
    let mailbox = mailbox
    // Without a thread every request is refused, as after `close`.
    if !DedicatedThread.start(named: name, { mailbox.serve(makeLink()) }) { close() }
  }

  deinit { close() }

  /// How often a connection was made so far.
  var connectionCount: Int { mailbox.state.withLock { $0.connectionCount } }

  /// Refuses what is sent from now on, and ends the connection once all before is answered.
  func close() {
    mailbox.state.withLock { $0.isClosed = true }
    mailbox.arrived.raise()
  }

  /// One try. Commands of one call are sent in order and next to each other.
  func send(_ commands: [RedisCommand]) async throws(RedisFailure) -> [RedisReply] {
    let outcome: Outcome = await withCheckedContinuation { continuation in
      let (isClosed, isFirst) = mailbox.state.withLock { state in
        if !state.isClosed { state.requests.append(Request(commands: commands, continuation: continuation)) }
        return (state.isClosed, state.requests.count == 1)
      }
      if isClosed {
        continuation.resume(
          returning: .failure(RedisFailure(kind: .closed, message: "the connection was closed")))
      } else if isFirst {
        mailbox.arrived.raise()
      }
    }
    return try outcome.get()
  }

  /// Tries until it works or `patience` is over. Only for commands that may be done twice.
  func perform(
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
  func perform(
    _ command: RedisCommand, patience: Duration
  ) async throws(JobQueueError) -> RedisReply {
    try await perform([command], patience: patience).first?.checked() ?? .null
  }
}
