import JobQueue
import JobQueueConformance
import JobQueueRedis
import Logging
import RedisTestServer
import Synchronization

/// A namespace of its own on a server, and the parts of a queue on it.
struct RedisFixture: Sendable {
  /// One server for all tests that leave it in peace.
  static let shared = Result { try RedisTestServer() }
  private static let count = Mutex(0)

  let server: RedisTestServer
  var configuration: RedisConfiguration

  init(on server: RedisTestServer? = nil) throws {
    let server = try server ?? Self.shared.get()
    self.server = server
    let number = Self.count.withLock { count in
      count += 1
      return count
    }
    configuration = try RedisConfiguration(url: server.url)
    configuration.namespace = "test\(number)"
    configuration.limits = QueueUnderTest.limits
    configuration.beatInterval = .milliseconds(50)
    configuration.sweepInterval = .milliseconds(50)
    configuration.pollInterval = .milliseconds(50)
    configuration.lease = .seconds(600)
    configuration.producerPatience = .seconds(30)
  }

  func makeProducer() throws -> RedisJobProducer {
    try RedisJobProducer(configuration: configuration, logger: Self.logger, identify: TestPayload.identify)
  }

  func makeConsumer() throws -> RedisJobConsumer {
    try RedisJobConsumer(
      configuration: configuration, info: { ["model": "test"] }, logger: Self.logger,
      identify: TestPayload.identify)
  }

  func key(_ rest: String) -> String { "{\(configuration.namespace)}:\(rest)" }

  /// Makes a worker look as if it had been silent for long: the others think that it is dead.
  func silence(_ consumer: RedisJobConsumer) throws {
    try server.probe().send("ZADD", key("workers"), "0", consumer.workerID)
  }

  /// Shortens every lifetime, and moves the times of submission and of limits back.
  func advance(by time: Duration) throws {
    let probe = try server.probe()
    let milliseconds = Int(time.components.seconds) * 1000
    // Those of the other shards, too.
    let pattern = "{\(configuration.namespace)*"
    for key in try probe.send("KEYS", pattern).array?.compactMap(\.string) ?? []
    where key.hasPrefix(self.key("")) || key.hasPrefix("{\(configuration.namespace):") {
      if key.contains(":job:"), try probe.send("HEXISTS", key, "t0").integer == 1 {
        try probe.send("HINCRBY", key, "t0", "-\(milliseconds)")
      }
      if key.contains(":rate:") { try probe.send("HINCRBY", key, "t", "-\(milliseconds)") }
      guard let left = try probe.send("PTTL", key).integer, left > 0 else { continue }
      try probe.send("PEXPIRE", key, "\(left - milliseconds)")
    }
  }

  static var logger: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
