import JobQueue
import Synchronization

/// The requests of this gateway that wait for a job: one that leaves must not cancel it for others, or for one that
/// means to come back.
final class WaitingClients: Sendable {
  private struct Clients {
    var count = 0
    /// One of them means to come back.
    var isKept = false
  }

  private let clients = Mutex<[JobID: Clients]>([:])

  func add(_ id: JobID, isKept: Bool) {
    clients.withLock { clients in
      clients[id, default: Clients()].count += 1
      if isKept { clients[id]?.isKept = true }
    }
  }

  /// Returns whether this gateway may give the job up: nobody waits for it here any more, or means to come back.
  @discardableResult
  func remove(_ id: JobID) -> Bool {
    clients.withLock { clients in
      guard var left = clients[id] else { return false }
      left.count -= 1
      clients[id] = left.count > 0 ? left : nil
      return left.count <= 0 && !left.isKept
    }
  }
}
