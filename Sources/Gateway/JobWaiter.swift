import JobQueue
import JobWire
import Logging
import Synchronization

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
  private let waiting = WaitingClients()

  init(queue: Queue, timeout: Duration, recheckInterval: Duration) {
    self.queue = queue
    self.timeout = timeout
    self.recheckInterval = recheckInterval
  }

  /// - Parameters:
  ///   - timeToLive: how long the job may wait for a worker to begin it.
  ///   - cancelsWhenClientLeaves: stop the job if it is of this request and nobody else waits for it.
  /// - Throws: what `submit` throws; nothing was accepted then.
  func result(
    of submission: JobSubmission, timeToLive: Duration?, connection: ClientConnection,
    cancelsWhenClientLeaves: Bool, logger: Logger
  ) async throws(JobQueueError) -> Outcome {
    waiting.add(submission.id)
    let events = queue.subscribe(to: submission.id)
    let submitted: SubmitOutcome
    do throws(JobQueueError) {
      submitted = try await queue.submit(submission)
    } catch {
      waiting.remove(submission.id)
      throw error
    }
    let outcome: Outcome =
      if case .finished(let result) = submitted {
        .result(result)
      } else {
        await wait(
          for: submission, timeToLive: timeToLive, events: events, connection: connection, logger: logger)
      }
    let wasLast = waiting.remove(submission.id)
    if outcome == .clientLeft, cancelsWhenClientLeaves, wasLast, submitted != .attached {
      await cancel(submission.id, logger: logger)
    }
    return outcome
  }

  private func wait(
    for submission: JobSubmission, timeToLive: Duration?, events: JobEventStream,
    connection: ClientConnection, logger: Logger
  ) async -> Outcome {
    await withTaskGroup(of: Outcome?.self) { group in
      group.addTask {
        do throws(JobQueueError) {
          return .result(try await events.result())
        } catch {
          return error.code == .cancelled ? nil : .failed(error)
        }
      }
      group.addTask { await recheck(submission, logger: logger) }
      if let timeToLive {
        group.addTask { await expire(submission.id, after: timeToLive, logger: logger) }
      }
      group.addTask { (try? await Task.sleep(for: timeout)) == nil ? nil : .deadline }
      group.addTask { await connection.waitUntilGone() ? .clientLeft : nil }
      defer { group.cancelAll() }
      for await outcome in group {
        if let outcome { return outcome }
      }
      // All ended without an outcome: this task was cancelled, with the connection.
      return .clientLeft
    }
  }

  private func recheck(_ submission: JobSubmission, logger: Logger) async -> Outcome? {
    while (try? await Task.sleep(for: recheckInterval)) != nil {
      do throws(JobQueueError) {
        switch try await queue.state(of: submission.id) {
        case .finished(let result): return .result(result)
        case .queued, .running: continue
        case .unknown:
          logger.warning("the queue lost the job; submitting it again", metadata: metadata(submission.id))
          if case .finished(let result) = try await queue.submit(submission) { return .result(result) }
        }
      } catch {
        switch error.code {
        case .cancelled: return nil
        case .closed, .idConflict, .invalidConfiguration: return .failed(error)
        case .unavailable, .queueFull, .storeFull, .protocolError:
          logger.debug("can't ask for the job now: \(error)", metadata: metadata(submission.id))
        }
      }
    }
    return nil
  }

  /// Takes a job out that no worker began in its time: while there is none, nobody else would.
  private func expire(_ id: JobID, after timeToLive: Duration, logger: Logger) async -> Outcome? {
    guard (try? await Task.sleep(for: timeToLive)) != nil else { return nil }
    let result = JobResult.expired(id: id.rawValue).encode()
    do throws(JobQueueError) {
      // One that starts between the two questions is expired for the worker as well.
      guard try await queue.state(of: id) == .queued else { return nil }
      return try await queue.cancel(id, result: result) == .removed ? .result(result) : nil
    } catch {
      logger.debug("can't expire the job now: \(error)", metadata: metadata(id))
      return nil
    }
  }

  private func cancel(_ id: JobID, logger: Logger) async {
    do throws(JobQueueError) {
      try await queue.cancel(id, result: JobResult.cancelled(id: id.rawValue).encode())
      logger.info("the client left; its job is cancelled", metadata: metadata(id))
    } catch {
      logger.warning("the client left, but its job can't be cancelled: \(error)", metadata: metadata(id))
    }
  }

  private func metadata(_ id: JobID) -> Logger.Metadata { ["job_id": "\(id)"] }
}

/// How many requests of this gateway wait for a job: one that leaves must not cancel it for the others.
private final class WaitingClients: Sendable {
  private let counts = Mutex<[JobID: Int]>([:])

  func add(_ id: JobID) {
    counts.withLock { $0[id, default: 0] += 1 }
  }

  /// Returns whether nobody waits any more.
  @discardableResult
  func remove(_ id: JobID) -> Bool {
    counts.withLock { counts in
      let left = (counts[id] ?? 1) - 1
      counts[id] = left > 0 ? left : nil
      return left <= 0
    }
  }
}
