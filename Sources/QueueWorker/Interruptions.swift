import JobQueue
import Synchronization

/// Which of the running jobs are to stop, as the jobs themselves ask between two tokens.
final class Interruptions: Sendable {
  private struct State {
    var cancelled: Set<JobID> = []
    var releasing = false
  }

  private let state = Mutex(State())

  func cancel(_ id: JobID) { _ = state.withLock { $0.cancelled.insert(id) } }
  func forget(_ id: JobID) { _ = state.withLock { $0.cancelled.remove(id) } }
  func releaseAll() { state.withLock { $0.releasing = true } }

  func interruption(of id: JobID) -> Interruption? {
    state.withLock { state in
      if state.cancelled.contains(id) { return .cancelled }
      return state.releasing ? .released : nil
    }
  }
}
