import Synchronization

/// Counts the connections to Redis that were lost and made again, of all links of this process.
package enum RedisReconnects {
  private static let total = Atomic<Int>(0)

  package static var count: Int { total.load(ordering: .relaxed) }

  static func add() { total.add(1, ordering: .relaxed) }
}
