import JobQueue
import JobWire
import Logging

/// The way of one job from the claim to its result.
extension Worker {
  func handle(_ job: ClaimedJob) async {
    defer { slots.giveBack() }
    guard let envelope = job.envelope else {
      return await persist("bury") { () throws(JobQueueError) in
        try await queue.bury(job, id: nil, reason: reason(against: job), result: nil, replyTo: nil)
      }
    }
    let id = envelope.id
    defer { interruptions.forget(id) }
    // A key that the queue won't write to is no reason to keep the result from the job's id.
    let replyTo = envelope.replyTo.flatMap { queue.accepts($0) ? $0 : nil }

    if job.attemptsExhausted {
      let result = JobResult.exhausted(id: id.rawValue, attempts: configuration.maxAttempts)
      return await persist("bury", id) { () throws(JobQueueError) in
        try await queue.bury(
          job, id: id, reason: result.error?.message ?? "", result: result.encode(), replyTo: replyTo)
      }
    }
    switch await outcome(of: job, envelope: envelope) {
    case .result(let result):
      await persist("post", id) { () throws(JobQueueError) in
        try await queue.post(job, id: id, result: result.encode(), replyTo: replyTo)
      }
      log(result)
    case .release:
      await persist("release", id) { () throws(JobQueueError) in try await queue.release(job) }
    case .nothing: break
    }
  }

  private enum Outcome {
    case result(JobResult)
    /// Another worker is to run the job.
    case release
    /// The job has its result already.
    case nothing
  }

  private func outcome(of job: ClaimedJob, envelope: JobEnvelope) async -> Outcome {
    let id = envelope.id
    let start: StartOutcome
    do throws(JobQueueError) {
      start = try await persistent("start", id) { () throws(JobQueueError) in
        try await queue.start(job, id: id, timeToLive: envelope.timeToLive)
      }
    } catch {
      return .release
    }
    switch start {
    case .alreadyFinished: return .nothing
    case .cancelled: return .result(.cancelled(id: id.rawValue))
    case .expired: return .result(.expired(id: id.rawValue))
    case .run(let attempt, let queued): return await run(job, id: id, attempt: attempt, queued: queued)
    }
  }

  private func run(_ job: ClaimedJob, id: JobID, attempt: Int, queued: Duration?) async -> Outcome {
    let request: JobRequest
    do throws(WireError) {
      request = try JobRequest.decode(job.payload, mode: .queue, limits: configuration.limits)
    } catch {
      return .result(
        .failed(id: id.rawValue, JobFailure(error), worker: queue.workerID, attempts: attempt))
    }
    do throws(TaskError) {
      let answer = try await tasks.task(named: request.taskName)
        .run(request) { interruptions.interruption(of: id) }
      return .result(
        answer.result(of: request, id: id.rawValue, worker: queue.workerID, attempts: attempt, queued: queued)
      )
    } catch {
      switch error {
      case .interrupted(.cancelled): return .result(.cancelled(id: id.rawValue))
      case .interrupted(.released): return .release
      case .failed(let failure):
        var result = JobResult.failed(
          id: id.rawValue, failure, worker: queue.workerID, attempts: attempt)
        result.taskName = request.taskName
        return .result(result)
      }
    }
  }

  /// What is wrong with a payload that has no envelope.
  private func reason(against job: ClaimedJob) -> String {
    do throws(WireError) {
      _ = try JobRequest.decode(job.payload, mode: .queue, limits: configuration.limits)
      return "the job names no id that can be used"
    } catch {
      return error.message
    }
  }

  private func log(_ result: JobResult) {
    var metadata: Logger.Metadata = [
      "job_id": "\(result.id)", "status": "\(result.status.rawValue)", "attempts": "\(result.attempts ?? 0)",
    ]
    if let usage = result.usage { metadata["completion_tokens"] = "\(usage.completionTokens)" }
    if let failure = result.error { metadata["error"] = "\(failure.code.rawValue): \(failure.message)" }
    logger.info("job done", metadata: metadata)
  }
}

// MARK: - Staying with the queue

extension Worker {
  /// Repeats a call of the queue until it goes through: the job is in this worker's hands, and while it beats
  /// nobody else would take it from there.
  private func persistent<Value>(
    _ what: String, _ id: JobID?, _ call: () async throws(JobQueueError) -> Value
  ) async throws(JobQueueError) -> Value {
    while true {
      do throws(JobQueueError) {
        return try await call()
      } catch {
        guard error.code == .unavailable, !Task.isCancelled else { throw error }
        logger.warning(
          "the queue can't be reached; trying again",
          metadata: ["call": "\(what)", "job_id": "\(id?.rawValue ?? "")", "error": "\(error)"])
        try? await Task.sleep(for: configuration.retryDelay)
      }
    }
  }

  /// As `persistent`; what fails for good is logged, and the job left to whoever finds it in this worker's list.
  private func persist<Value>(
    _ what: String, _ id: JobID? = nil, _ call: () async throws(JobQueueError) -> Value
  ) async {
    do throws(JobQueueError) {
      _ = try await persistent(what, id, call)
    } catch {
      logger.error(
        "a job can't be put away",
        metadata: ["call": "\(what)", "job_id": "\(id?.rawValue ?? "")", "error": "\(error)"])
    }
  }
}
