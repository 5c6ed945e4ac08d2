import NIOCore
import Synchronization

/// How many connections each address has, so that no single one can take all.
final class ConnectionCounts: Sendable {
  private let limit: Int
  private let counts = Mutex<[String: Int]>([:])

  /// - Parameter limit: connections of one address; 0: as many as there are.
  init(limit: Int) {
    self.limit = limit
  }

  /// Counts a connection in, unless its address has enough of them.
  func add(_ address: SocketAddress?) -> Bool {
    guard limit > 0, let address = address?.ipAddress else { return true }
    return counts.withLock { counts in
      guard counts[address, default: 0] < limit else { return false }
      counts[address, default: 0] += 1
      return true
    }
  }

  func remove(_ address: SocketAddress?) {
    guard limit > 0, let address = address?.ipAddress else { return }
    counts.withLock { counts in
      let left = counts[address, default: 0] - 1
      counts[address] = left > 0 ? left : nil
    }
  }
}
