import JobQueue
import JobWire
import Logging

/// A job that is to be run here.
struct StartedJob: Sendable {
  let job: ClaimedJob
  let id: JobID
  let replyTo: ReplyAddress?
  /// 1 unless workers died of it before.
  let attempt: Int
  /// How long it waited, if known.
  let queued: Duration?
}

/// The way of one job from the claim to its result.
extension Worker {
  /// Starts the job. Nil if there is nothing to run: then the job was put away.
  func start(_ job: ClaimedJob) async -> StartedJob? {
    guard let envelope = job.envelope else {
      await persist("bury") { () throws(JobQueueError) in
        try await queue.bury(job, id: nil, reason: reason(against: job), result: nil, replyTo: nil)
      }
      return nil
    }
    let id = envelope.id
    // A key that the queue won't write to is no reason to keep the result from the job's id.
    let replyTo = envelope.replyTo.flatMap { queue.accepts($0) ? $0 : nil }

    if job.attemptsExhausted {
      let result = JobResult.exhausted(id: id.rawValue, attempts: configuration.maxAttempts)
      await persist("bury", id) { () throws(JobQueueError) in
        try await queue.bury(
          job, id: id, reason: result.error?.message ?? "", result: result.encode(), replyTo: replyTo)
      }
      return nil
    }
    // Before the queue knows that it runs: from then on it may be told to stop, and only once.
    interruptions.begin(job, id: id)
    let outcome: StartOutcome
    do throws(JobQueueError) {
      outcome = try await persistent("start", id) { () throws(JobQueueError) in
        try await queue.start(job, id: id, timeToLive: envelope.timeToLive)
      }
    } catch {
      logger.error("a job can't be started", metadata: ["job_id": "\(id)", "error": "\(error)"])
      interruptions.forget(job)
      await release(job)
      return nil
    }
    switch outcome {
    case .run(let attempt, let queued):
      return StartedJob(job: job, id: id, replyTo: replyTo, attempt: attempt, queued: queued)
    case .alreadyFinished: break
    case .cancelled: await post(.cancelled(id: id.rawValue), of: job, id, replyTo)
    case .expired: await post(.expired(id: id.rawValue), of: job, id, replyTo)
    }
    interruptions.forget(job)
    return nil
  }

  /// Runs the job and puts it away: with its result, or back to where it was.
  func finish(_ started: StartedJob) async {
    let begin = ContinuousClock.now
    for observer in observers { observer.jobBegan(started.id, queued: started.queued) }
    defer {
      interruptions.forget(started.job)
      slots.giveBack()
    }
    let outcome = await run(started)
    let ending = outcome.ending(after: .now - begin)
    for observer in observers { observer.jobEnded(started.id, ending) }
    switch outcome {
    case .done(let result, let trace):
      await post(result, of: started.job, started.id, started.replyTo, trace: trace)
    case .unfinished: await release(started.job)
    case .another: logger.notice("another worker runs the job", metadata: ["job_id": "\(started.id)"])
    }
  }

  func release(_ job: ClaimedJob) async {
    await persist("release", job.envelope?.id) { () throws(JobQueueError) in try await queue.release(job) }
  }

  private func post(
    _ result: JobResult, of job: ClaimedJob, _ id: JobID, _ replyTo: ReplyAddress?, trace: String? = nil
  ) async {
    await persist("post", id) { () throws(JobQueueError) in
      try await queue.post(
        job, id: id, result: result.encode(), failed: result.status == .failed, replyTo: replyTo)
    }
    log(result, trace: trace)
  }

  /// How a run ended.
  private enum RunOutcome {
    /// The trace is the requester's, for the logs.
    case done(JobResult, trace: String?)
    /// Another worker is to run the job.
    case unfinished
    /// Another worker runs the job already.
    case another

    func ending(after duration: Duration) -> JobEnding {
      var result: JobResult?
      let outcome: JobEnding.Outcome
      switch self {
      case .done(let done, _):
        result = done
        outcome = done.status == .completed ? .completed : done.status == .cancelled ? .cancelled : .failed
      case .unfinished: outcome = .released
      case .another: outcome = .fenced
      }
      return JobEnding(
        outcome: outcome, duration: duration, usage: result?.usage,
        prefillMilliseconds: result?.timings?.prefillMilliseconds)
    }
  }

  private func run(_ started: StartedJob) async -> RunOutcome {
    let id = started.id
    let request: JobRequest
    do throws(WireError) {
      request = try JobRequest.decode(started.job.payload, mode: .queue, limits: configuration.limits)
    } catch {
      return .done(
        .failed(id: id.rawValue, JobFailure(error), worker: queue.workerID, attempts: started.attempt),
        trace: nil)
    }
    do throws(TaskError) {
      let answer = try await answer(to: request, started)
      // The last piece may have been the first to say so.
      if interruptions.interruption(of: started.job) == .fenced { return .another }
      return .done(
        answer.result(
          of: request, id: id.rawValue, worker: queue.workerID, attempts: started.attempt,
          queued: started.queued), trace: request.traceID)
    } catch {
      switch error {
      case .interrupted(.cancelled, let usage):
        return .done(.cancelled(id: id.rawValue, usage: usage), trace: request.traceID)
      case .interrupted(.released, _): return .unfinished
      case .interrupted(.fenced, _): return .another
      case .failed(let failure):
        var result = JobResult.failed(
          id: id.rawValue, failure, worker: queue.workerID, attempts: started.attempt)
        result.taskName = request.taskName
        return .done(result, trace: request.traceID)
      }
    }
  }

  /// Runs the task, and sends its tokens meanwhile, if they are wanted: all of them before the result, unless the
  /// queue can't be reached.
  private func answer(
    to request: JobRequest, _ started: StartedJob
  ) async throws(TaskError) -> TaskAnswer {
    let task = tasks.task(named: request.taskName)
    guard request.tellsTokens else {
      return try await task.run(request) { interruptions.interruption(of: started.job) }
    }
    let emission = TokenEmission(
      of: started, choices: request.prompts.count * request.completions, queue: queue,
      interruptions: interruptions, interval: configuration.pieceInterval,
      logger: logger)
    let outcome = await withTaskGroup(of: Void.self) { group in
      group.addTask { await emission.run() }
      defer { group.cancelAll() }
      do throws(TaskError) {
        return Result<TaskAnswer, TaskError>.success(
          try await task.run(
            request, interruption: { interruptions.interruption(of: started.job) }, onToken: emission.add))
      } catch {
        return .failure(error)
      }
    }
    if case .success = outcome { await emission.send() }
    return try outcome.get()
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

  private func log(_ result: JobResult, trace: String?) {
    var metadata: Logger.Metadata = [
      "job_id": "\(result.id)", "status": "\(result.status.rawValue)", "attempts": "\(result.attempts ?? 0)",
    ]
    if let trace { metadata["trace_id"] = "\(trace)" }
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
