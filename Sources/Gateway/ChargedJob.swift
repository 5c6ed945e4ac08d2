import JobWire

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
  ///   - told: tokens that a client got before it left.
  func settle(_ outcome: JobWaiter.Outcome, _ result: JobResult?, told: Int = 0) async {
    switch outcome {
    case .result: await reservation.settle(used: result?.usage?.completionTokens ?? told)
    case .clientLeft where isKept, .deadline: return
    case .clientLeft: await reservation.settle(used: told)
    case .failed: await reservation.settle(used: 0)
    }
  }
}
