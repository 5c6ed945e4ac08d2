extension RedisJobConsumer {
  /// Whether the last sign of life that Redis confirmed is recent enough for the jobs here to be safe.
  package var isAlive: Bool { worker.hasBeaten && !worker.isLeaseInDoubt }
}
