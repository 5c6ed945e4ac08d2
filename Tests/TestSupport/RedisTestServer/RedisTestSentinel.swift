import Glibc

/// A sentinel that watches a primary named `main`, on a free loopback port; ends with this object.
package final class RedisTestSentinel: Sendable {
  package let port: Int
  private let configuration: String
  private let process = Guarded()

  /// Starts a sentinel that alone decides when the primary is down, after half a second.
  package init(watching primary: RedisTestServer) throws {
    guard let redis = RedisTestServer.find("redis-server") else {
      throw RedisTestServer.Failure(description: "redis-server isn't installed")
    }
    var template = Array("/tmp/sentinel-test-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw RedisTestServer.Failure(description: "no temporary file") }
    configuration = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    port = try RedisTestServer.freePort()
    let lines = """
      port \(port)
      bind 127.0.0.1
      dir /tmp
      sentinel monitor main 127.0.0.1 \(primary.port) 1
      sentinel down-after-milliseconds main 500
      sentinel failover-timeout main 3000

      """
    _ = Array(lines.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    try process.start([redis, configuration, "--sentinel"])
    for _ in 0..<1_000 {
      if let probe = try? probe(), case .array? = try? probe.send("SENTINEL", "REPLICAS", "main") { return }
      usleep(10_000)
    }
    throw RedisTestServer.Failure(description: "the sentinel on port \(port) doesn't answer")
  }

  deinit {
    process.kill()
    unlink(configuration)
  }

  package func probe() throws -> RedisProbe { try RedisProbe(port: port) }

  /// The port of the primary, as clients are told.
  package func primaryPort() throws -> Int? {
    try probe().send("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main").array?.last?.string.flatMap { Int($0) }
  }
}
