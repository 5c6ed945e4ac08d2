import JobQueue
import JobWire
import Logging

/// What a waiter asks of the queue while it waits.
extension JobWaiter {
  /// How often a job may be asked for in vain.
  private static let patienceWithUnknown = 6

  /// Asks for the job now and then, and submits it again if it is gone.
  func recheck(_ submission: JobSubmission, logger: Logger) async -> Outcome? {
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
        case .closed, .idConflict, .invalidConfiguration, .jobLost: return .failed(error)
        case .unavailable, .queueFull, .storeFull, .protocolError:
          logger.debug("can't ask for the job now: \(error)", metadata: metadata(submission.id))
        }
      }
    }
    return nil
  }

  /// Asks for a job of somebody else now and then. It is theirs to submit it again where it is lost; that they did not
  /// is clear when nobody has known it for a while.
  func recheck(_ id: JobID, logger: Logger) async -> Outcome? {
    var unknown = 0
    while (try? await Task.sleep(for: recheckInterval)) != nil {
      do throws(JobQueueError) {
        switch try await queue.state(of: id) {
        case .finished(let result): return .result(result)
        case .queued, .running: unknown = 0
        case .unknown: unknown += 1
        }
        if unknown == Self.patienceWithUnknown {
          return .failed(JobQueueError(.jobLost, "the job \(id) was lost"))
        }
      } catch {
        if error.code == .cancelled { return nil }
        if error.code == .closed { return .failed(error) }
        logger.debug("can't ask for the job now: \(error)", metadata: metadata(id))
      }
    }
    return nil
  }

  /// Takes a job out that no worker began in its time: while there is none, nobody else would.
  func expire(_ id: JobID, after timeToLive: Duration, logger: Logger) async -> Outcome? {
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

  /// Cancels the job of a client that left, unless it is awaited at another gateway.
  func cancel(_ id: JobID, logger: Logger) async {
    let result = JobResult.cancelled(id: id.rawValue).encode()
    do throws(JobQueueError) {
      if try await queue.cancel(id, result: result, onlyHere: true) == .wantedElsewhere { return }
      logger.info("the client left; its job is cancelled", metadata: metadata(id))
    } catch {
      logger.warning("the client left, but its job can't be cancelled: \(error)", metadata: metadata(id))
    }
  }

  private func metadata(_ id: JobID) -> Logger.Metadata { ["job_id": "\(id)"] }
}
