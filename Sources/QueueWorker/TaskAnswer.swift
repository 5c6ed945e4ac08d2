package import JobWire

/// What a task found out; the worker makes a `JobResult` of it.
package struct TaskAnswer: Sendable, Equatable {
  package var model: String
  /// The text, or the label of a classification.
  package var completion: String
  package var choices: [JobResult.Choice]?
  package var scores: [JobResult.Score]?
  package var usage: JobResult.Usage
  package var prefill: Duration?
  package var decode: Duration?

  package init(
    model: String, completion: String, choices: [JobResult.Choice]? = nil, scores: [JobResult.Score]? = nil,
    usage: JobResult.Usage, prefill: Duration? = nil, decode: Duration? = nil
  ) {
    self.model = model
    self.completion = completion
    self.choices = choices
    self.scores = scores
    self.usage = usage
    self.prefill = prefill
    self.decode = decode
  }
}

extension TaskAnswer {
  /// The answer as the result of a job.
  ///
  /// - Parameters:
  ///   - attempts: which attempt this was, 1 unless workers died before.
  ///   - queued: how long the job waited for a worker.
  package func result(
    of request: JobRequest, id: String, worker: String? = nil, attempts: Int? = nil, queued: Duration? = nil
  ) -> JobResult {
    JobResult(
      id: id, status: .completed, taskName: request.taskName, model: model, completion: completion,
      choices: choices, label: scores == nil ? nil : completion, scores: scores, usage: usage,
      timings: JobResult.Timings(
        queueMilliseconds: queued?.milliseconds, prefillMilliseconds: prefill?.milliseconds,
        decodeMilliseconds: decode?.milliseconds),
      worker: worker, attempts: attempts, seed: choices == nil ? nil : request.effectiveSeed)
  }
}

extension Duration {
  /// Milliseconds, to the microsecond.
  fileprivate var milliseconds: Double {
    let parts = components
    let milliseconds = Double(parts.seconds) * 1e3 + Double(parts.attoseconds) / 1e15
    return (milliseconds * 1000).rounded() / 1000
  }
}
