import JobQueue
import Synchronization

/// Which of the running jobs are to stop, as the jobs themselves ask between two tokens.
final class Interruptions: Sendable {
  private struct Run {
    let id: JobID
    var reason: Interruption?
  }

  private struct State {
    /// By the number of the claim: an id may run twice here, when Redis came back without its data.
    var runs: [UInt64: Run] = [:]
    var releasing = false
  }

  private let state = Mutex(State())

  func begin(_ job: ClaimedJob, id: JobID) { state.withLock { $0.runs[job.claimNumber] = Run(id: id) } }
  func forget(_ job: ClaimedJob) { _ = state.withLock { $0.runs.removeValue(forKey: job.claimNumber) } }

  /// Of what doesn't run any more nothing is noted: the next job of the same id is not meant.
  func note(_ interruption: JobInterruption) {
    state.withLock { state in
      switch interruption {
      case .cancelled(let id):
        for (number, run) in state.runs where run.id == id { state.runs[number]?.reason = .cancelled }
      case .fenced(let number): state.runs[number]?.reason = .fenced
      }
    }
  }

  func releaseAll() { state.withLock { $0.releasing = true } }

  func interruption(of job: ClaimedJob) -> Interruption? {
    state.withLock { $0.runs[job.claimNumber]?.reason ?? ($0.releasing ? .released : nil) }
  }
}
