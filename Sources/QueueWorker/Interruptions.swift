import JobQueue
import Synchronization

/// Which of the running jobs are to stop, as the jobs themselves ask between two tokens.
final class Interruptions: Sendable {
  private struct State {
    /// The jobs that run, each with the reason to stop it, if there is one.
    var running: [JobID: Interruption?] = [:]
    var releasing = false
  }

  private let state = Mutex(State())

  func begin(_ id: JobID) { state.withLock { $0.running[id] = .some(nil) } }
  func forget(_ id: JobID) { _ = state.withLock { $0.running.removeValue(forKey: id) } }

  /// Of a job that doesn't run any more nothing is noted: the next one of the same id is not meant.
  func note(_ interruption: JobInterruption) {
    switch interruption {
    case .cancelled(let id): stop(id, .cancelled)
    case .fenced(let id): stop(id, .fenced)
    }
  }

  private func stop(_ id: JobID, _ reason: Interruption) {
    state.withLock { if $0.running[id] != nil { $0.running[id] = reason } }
  }

  func releaseAll() { state.withLock { $0.releasing = true } }

  func interruption(of id: JobID) -> Interruption? {
    state.withLock { state in
      (state.running[id] ?? nil) ?? (state.releasing ? .released : nil)
    }
  }
}
