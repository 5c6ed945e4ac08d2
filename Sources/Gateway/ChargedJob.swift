import JobQueue
import JobWire
import Logging

/// An accepted job, and the tokens that were taken for it from what its caller may use.
struct ChargedJob: Sendable {
  let job: AcceptedJob
  let reservation: TokenBudget.Reservation
  /// Whether it goes on without its client.
  let isKept: Bool

  /// Gives back what the job didn't need. What goes on unseen stays charged.
  ///
  /// - Parameters:
  ///   - result: what the outcome says, if it is a result.
  ///   - ending: waits for a job that was told to stop.
  func settle(
    _ outcome: JobWaiter.Outcome, _ result: JobResult?, ending: JobWaiter, logger: Logger
  ) async {
    switch outcome {
    case .result: await reservation.settle(used: result?.usage?.completionTokens ?? 0)
    case .clientLeft where isKept, .deadline: return
    case .clientLeft:
      // Unstructured: this task ends with the client, and the worker tells later what it did until it heard of that.
      Task { [reservation, job] in
        guard case .result(let bytes) = await ending.outcome(of: job.submission.id, logger: logger) else {
          return
        }
        await reservation.settle(used: (try? JobResult.decode(bytes))?.usage?.completionTokens ?? 0)
      }
    case .failed(let error) where error.code == .closed: return
    case .failed: await reservation.settle(used: 0)
    }
  }
}
