import JobQueue

/// How one logical queue is spread over several hash tags, so that several nodes of a cluster share its load.
enum Shards {
  /// The configuration of each shard. The first one has the namespace itself: producers that push onto the lists
  /// need not know of the others.
  static func configurations(of configuration: RedisConfiguration) -> [RedisConfiguration] {
    (0..<configuration.shards).map { index in
      var shard = configuration
      shard.shards = 1
      if index > 0 { shard.namespace += ":\(index)" }
      return shard
    }
  }

  /// Which shard a job submitted under this id belongs to: FNV-1a of the id, so that all gateways agree.
  static func index(of id: JobID, among count: Int) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in id.rawValue.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return Int(hash % UInt64(count))
  }
}
