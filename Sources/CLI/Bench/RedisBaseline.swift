import JobQueueRedis
import Subprocess

/// What `redis-benchmark` reaches on a server with bare pushes and pops of as many bytes as a job has.
struct RedisBaseline {
  private static let key = "gpt2-bench-baseline"

  /// Pushes a second of 50 clients.
  let pushesPerSecond: Double
  /// Pops a second of 50 clients.
  let popsPerSecond: Double
  /// How long one push of one client takes at the median, in milliseconds.
  let pushMilliseconds: Double

  /// Nil where `redis-benchmark` isn't installed, or can't be used: it takes a password only on its command line,
  /// where everybody on the machine can read it, and knows no cluster and no sentinel.
  static func measure(_ endpoint: RedisEndpoint) async -> RedisBaseline? {
    guard endpoint.password == nil, endpoint.user == nil else { return nil }
    let address: [String]
    switch endpoint.address {
    case .tcp(let server): address = ["-h", server.host, "-p", String(server.port)]
    case .unix(let path): address = ["-s", path]
    case .sentinel, .cluster: return nil
    }
    let payload = String(repeating: "x", count: 200)
    guard let alone = await run(address + ["-c", "1", "-n", "10000", "LPUSH", key, payload]),
      let pushes = await run(address + ["-c", "50", "-n", "50000", "LPUSH", key, payload]),
      let pops = await run(address + ["-c", "50", "-n", "60000", "RPOP", key])
    else { return nil }
    return RedisBaseline(
      pushesPerSecond: pushes.perSecond, popsPerSecond: pops.perSecond, pushMilliseconds: alone.median)
  }

  private static func run(_ arguments: [String]) async -> (perSecond: Double, median: Double)? {
    guard
      let result = try? await Subprocess.run(
        .name("redis-benchmark"), arguments: Arguments(["--csv"] + arguments), output: .string(limit: 65536),
        error: .discarded)
    else { return nil }
    // Columns: what was run, requests a second, and latencies: mean, least, median, 95 %, 99 %, most.
    let columns = result.standardOutput.split(separator: "\n").last?
      .split(separator: ",").map { Double($0.filter { $0 != "\"" }) }
    guard let columns, columns.count == 8, let perSecond = columns[1], let median = columns[4] else {
      return nil
    }
    return (perSecond, median)
  }
}
