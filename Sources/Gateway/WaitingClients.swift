import JobQueue
import Synchronization

/// How many requests of this gateway wait for a job: one that leaves must not cancel it for the others.
final class WaitingClients: Sendable {
  private let counts = Mutex<[JobID: Int]>([:])

  func add(_ id: JobID) {
    counts.withLock { $0[id, default: 0] += 1 }
  }

  /// Returns whether nobody waits any more.
  @discardableResult
  func remove(_ id: JobID) -> Bool {
    counts.withLock { counts in
      let left = (counts[id] ?? 1) - 1
      counts[id] = left > 0 ? left : nil
      return left <= 0
    }
  }
}
