package import ServiceLifecycle

/// The side of a queue that asks for work: a gateway.
///
/// As a service it receives events; it must be running for subscriptions to be told of anything.
///
/// Nothing is missed if the subscription comes first:
/// ```swift
/// let events = producer.subscribe(to: id)
/// switch try await producer.submit(submission) {
/// case .finished(let result): return result
/// case .queued, .attached: return try await events.result()
/// }
/// ```
package protocol JobProducer: Service {
  /// What a job has to give as its `reply_to` for the events to arrive here; nil if the queue needs none.
  var replyAddress: ReplyAddress? { get }

  /// Puts a job into the queue, unless its id is known already. Repeating a submission is safe.
  ///
  /// - Throws: `queueFull`, `storeFull`, `idConflict`, `unavailable`.
  func submit(_ submission: JobSubmission) async throws(JobQueueError) -> SubmitOutcome

  /// Registers for the events of a job at once, before it is submitted. The registration ends with the stream.
  ///
  /// Progress is received by the producers that submitted the job or attached to it; the result by whoever subscribes.
  func subscribe(to id: JobID) -> JobEventStream

  /// Asks for the progress of a job that another producer submitted, from its beginning on. Subscribe first.
  /// A job that isn't there, or is done already, has none.
  func attach(to id: JobID) async throws(JobQueueError)

  /// Where the job is; with its result, if it has one.
  func state(of id: JobID) async throws(JobQueueError) -> JobState

  /// The result, or nil while there is none (or no more).
  func result(of id: JobID) async throws(JobQueueError) -> [UInt8]?

  /// Stops a job. A waiting one is taken out and `result` stored as its result; of a running one the worker is
  /// told. Repeating it is safe.
  ///
  /// - Parameter onlyHere: this producer gives the job up; it is stopped if no other one submitted it too.
  @discardableResult
  func cancel(_ id: JobID, result: [UInt8], onlyHere: Bool) async throws(JobQueueError) -> CancelOutcome
}

extension JobProducer {
  /// Stops a job for everybody.
  @discardableResult
  package func cancel(_ id: JobID, result: [UInt8]) async throws(JobQueueError) -> CancelOutcome {
    try await cancel(id, result: result, onlyHere: false)
  }

  /// Waits for the result of a job that was submitted before, however long it takes. Cancelling the task stops
  /// the waiting, not the job.
  ///
  /// - Throws: `closed`, `cancelled`, `unavailable`.
  package func waitForResult(of id: JobID) async throws(JobQueueError) -> [UInt8] {
    let events = subscribe(to: id)
    if let result = try await result(of: id) { return result }
    return try await events.result()
  }
}
