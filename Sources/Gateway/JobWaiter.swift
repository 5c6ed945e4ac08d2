import JobQueue
import JobWire
import Logging

/// Submits a job and waits for its result, as long as there is someone to give it to.
///
/// A job that was accepted isn't given up when the store goes away: the waiter asks for it until it is back, and
/// submits it again if the store came back without it. That is safe because the id names the job.
struct JobWaiter: Sendable {
  typealias Queue = any JobProducer & JobQueueInspector

  /// How the waiting ended.
  enum Outcome: Sendable, Equatable {
    case result([UInt8])
    case deadline
    case clientLeft
    case failed(JobQueueError)
  }

  let queue: Queue
  let timeout: Duration
  let recheckInterval: Duration
  private let drain: Drain
  private let waiting = WaitingClients()

  init(queue: Queue, timeout: Duration, recheckInterval: Duration, drain: Drain) {
    self.queue = queue
    self.timeout = timeout
    self.recheckInterval = recheckInterval
    self.drain = drain
  }

  /// One that waits for a job that was told to stop.
  func forEnding(within timeout: Duration) -> JobWaiter {
    JobWaiter(queue: queue, timeout: timeout, recheckInterval: .milliseconds(500), drain: drain)
  }

  /// Submits the job.
  ///
  /// - Parameters:
  ///   - timeToLive: how long the job may wait for a worker to begin it.
  ///   - cancelsWhenClientLeaves: stop the job if it is of this request and nobody else waits for it.
  /// - Throws: what `submit` throws. Only if the store could not be reached may the job be in the queue all the same.
  func accept(
    _ submission: JobSubmission, timeToLive: Duration?, cancelsWhenClientLeaves: Bool, logger: Logger
  ) async throws(JobQueueError) -> AcceptedJob {
    waiting.add(submission.id, isKept: !cancelsWhenClientLeaves)
    let events = queue.subscribe(to: submission.id)
    do throws(JobQueueError) {
      let outcome = try await queue.submit(submission)
      return AcceptedJob(
        submission: submission, timeToLive: timeToLive, outcome: outcome, events: events
      ) { [self] clientLeft in
        if waiting.remove(submission.id), clientLeft { await cancel(submission.id, logger: logger) }
      }
    } catch {
      waiting.remove(submission.id)
      throw error
    }
  }

  /// Waits for an accepted job.
  ///
  /// - Parameter follower: is told of the job while it is waited for.
  func outcome(
    of job: AcceptedJob, connection: ClientConnection, follower: (any JobFollower)? = nil, logger: Logger
  ) async -> Outcome {
    let outcome: Outcome =
      if case .finished(let result) = job.outcome {
        .result(result)
      } else {
        await wait(for: job, connection: connection, follower: follower, logger: logger)
      }
    await job.settle(clientLeft: outcome == .clientLeft)
    return outcome
  }

  /// Waits for a job that another request, or another gateway, submitted. A follower is told of it from its beginning.
  func outcome(of id: JobID, follower: (any JobFollower)? = nil, logger: Logger) async -> Outcome {
    let events = queue.subscribe(to: id)
    if follower != nil {
      do throws(JobQueueError) {
        try await queue.attach(to: id)
      } catch {
        logger.debug(
          "only the result of a job will be told",
          metadata: ["job_id": "\(id)", "error": "\(error)"])
      }
    }
    // What is done has no more events; and what ends from now on tells all its events first.
    if case .finished(let result)? = try? await queue.state(of: id) { return .result(result) }
    return await wait(connection: ClientConnection(), follower: follower, events: events) { group in
      group.addTask { .end(await recheck(id, logger: logger)) }
    }
  }

  /// What one of the tasks that wait together found.
  private enum Finding: Sendable {
    case progress([UInt8])
    case timeToPing
    /// `nil`: the task has nothing more to find.
    case end(Outcome?)
  }

  private func wait(
    for job: AcceptedJob, connection: ClientConnection, follower: (any JobFollower)?, logger: Logger
  ) async -> Outcome {
    await wait(connection: connection, follower: follower, events: job.events) { group in
      let submission = job.submission
      group.addTask { .end(await recheck(submission, logger: logger)) }
      if let timeToLive = job.timeToLive {
        group.addTask { .end(await expire(submission.id, after: timeToLive, logger: logger)) }
      }
    }
  }

  /// The tasks never touch the follower: it is told here, and is never interrupted in the middle of a write.
  private func wait(
    connection: ClientConnection, follower: (any JobFollower)?, events: JobEventStream,
    _ addTasks: (inout TaskGroup<Finding>) -> Void
  ) async -> Outcome {
    await withTaskGroup(of: Finding.self) { group in
      let wantsProgress = follower != nil
      group.addTask { await next(of: events, wantsProgress: wantsProgress) }
      addTasks(&group)
      group.addTask { .end((try? await Task.sleep(for: timeout)) == nil ? nil : .deadline) }
      group.addTask { .end(await connection.waitUntilGone() ? .clientLeft : nil) }
      group.addTask { .end(await drain.waitUntilOver() ? .failed(.shuttingDown) : nil) }
      if let interval = follower?.pingInterval { group.addTask { await timeToPing(after: interval) } }
      defer { group.cancelAll() }
      while let finding = await group.next() {
        do {
          switch finding {
          case .end(nil): continue
          case .end(let outcome?): return outcome
          case .progress(let body):
            try await follower?.take(body)
            group.addTask { await next(of: events, wantsProgress: wantsProgress) }
          case .timeToPing:
            try await follower?.ping()
            if let interval = follower?.pingInterval { group.addTask { await timeToPing(after: interval) } }
          }
        } catch {
          // What can't be written has no reader.
          return .clientLeft
        }
      }
      // All ended without an outcome: this task was cancelled, with the connection.
      return .clientLeft
    }
  }

  private func next(of events: JobEventStream, wantsProgress: Bool) async -> Finding {
    for await event in events {
      switch event {
      case .progress(_, let body): if wantsProgress { return .progress(body) }
      case .finished(let result): return .end(.result(result))
      }
    }
    return .end(Task.isCancelled ? nil : .failed(.closed))
  }

  private func timeToPing(after interval: Duration) async -> Finding {
    (try? await Task.sleep(for: interval)) == nil ? .end(nil) : .timeToPing
  }
}
