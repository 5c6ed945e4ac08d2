import Foundation
import Glibc
import RedisTestServer
import ServiceUnderTest
import Synchronization

/// Gateways and workers as real processes, and a real Redis that they reach through proxies.
final class Deployment: Sendable {
  static let leaseMilliseconds = 2_000
  /// Far more than some clients and two connections to Redis need.
  private static let openFilesLimit = 200

  struct State {
    var gateways: [Program] = []
    var urls: [String] = []
    var workers: [Program] = []
    /// Told to stop, and on their way.
    var leaving: [Program] = []
    /// Killed, or told to stop.
    var ending: Set<ObjectIdentifier> = []
    /// Every process that ever ran, for its output.
    var all: [(name: String, program: Program)] = []
    var history: [String] = []
    var problems: [String] = []
  }

  let redis: RedisTestServer
  let proxies: [Fault.Side: FaultyProxy]
  let state = Mutex(State())
  private let start = ContinuousClock.now

  /// `appendfsync always`, since a bare push is only safe once it is on the disk; see `docs/operations.md`.
  init(gateways: Int, workers: Int) async throws {
    redis = try RedisTestServer(appendOnly: true, arguments: ["--appendfsync", "always"])
    proxies = [.gateways: try FaultyProxy(to: redis.port), .workers: try FaultyProxy(to: redis.port)]
    for index in 0..<gateways { try await startGateway(index) }
    for index in 0..<workers { try startWorker(index) }
  }

  deinit { for proxy in proxies.values { proxy.close() } }

  /// A gateway that takes requests at this moment, as far as is known.
  func gatewayURL(_ number: Int) -> String { state.withLock { $0.urls[number % $0.urls.count] } }

  var history: [String] { state.withLock { $0.history } }
  /// What no process of the deployment should ever do.
  var problems: [String] { state.withLock { $0.problems } }

  func note(_ line: String) {
    let time = (ContinuousClock.now - start) / .milliseconds(1)
    state.withLock { $0.history.append("\(Int(time)) ms: \(line)") }
  }

  // MARK: Processes

  private func environment(_ side: Fault.Side) -> [String: String] {
    [
      "REDIS_URL": "redis://127.0.0.1:\(proxies[side]?.port ?? 0)", "LEASE_SECONDS": "2",
      "MAX_ATTEMPTS": "100",
      "DRAIN_SECONDS": "1", "RESULT_TTL_SECONDS": "3600", "ADMIN_PORT": "0", "KV_CACHE_MB": "64",
      "LOG_LEVEL": "notice", "REQUEST_TIMEOUT_SECONDS": "60",
    ]
  }

  func startGateway(_ index: Int) async throws {
    let program = try Program(["gateway", "--port", "0"], environment: environment(.gateways))
    guard let line = await program.line(containing: "listening on http://"),
      let range = line.firstRange(of: #/http://127\.0\.0\.1:\d+/#)
    else { throw ChildProcess.Failure(description: "a gateway did not start:\n\(program.output)") }
    state.withLock { state in
      state.all.append(("gateway-\(index)", program))
      if index < state.gateways.count {
        state.gateways[index] = program
        state.urls[index] = String(line[range])
      } else {
        state.gateways.append(program)
        state.urls.append(String(line[range]))
      }
    }
  }

  func startWorker(_ index: Int) throws {
    let program = try Program(["worker"], environment: environment(.workers))
    state.withLock { state in
      state.all.append(("worker-\(index)", program))
      if index < state.workers.count { state.workers[index] = program } else { state.workers.append(program) }
    }
  }

  func crash(_ program: Program) async {
    if let status = program.status, !isEnding(program) {
      report(program, "ended by itself with status \(status)")
    }
    state.withLock { _ = $0.ending.insert(ObjectIdentifier(program)) }
    await program.crash()
  }

  private func report(_ program: Program, _ what: String) {
    let tail = program.output.split(separator: "\n").suffix(20).joined(separator: "\n")
    state.withLock { $0.problems.append("a process \(what):\n\(tail)") }
  }

  /// Notices processes that end without having been told to.
  func inspect() throws {
    let (gateways, workers) = state.withLock { ($0.gateways, $0.workers) }
    for program in gateways + workers where program.status != nil && !isEnding(program) {
      report(program, "ended by itself with status \(program.status ?? -1)")
      throw ChildProcess.Failure(description: "a process ended by itself")
    }
  }

  private func isEnding(_ program: Program) -> Bool {
    state.withLock { $0.ending.contains(ObjectIdentifier(program)) }
  }

  /// What the running processes use, a line each.
  var resources: [String] {
    let (gateways, workers) = state.withLock { ($0.gateways, $0.workers) }
    return (gateways + workers).map { program in
      let folder = "/proc/\(program.pid)"
      let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/fd").count) ?? 0
      if files > Self.openFilesLimit { report(program, "has \(files) open files") }
      let status = (try? String(contentsOfFile: "\(folder)/status", encoding: .utf8)) ?? ""
      let memory = status.split(separator: "\n").first { $0.hasPrefix("VmRSS") } ?? "VmRSS: ?"
      return "\(gateways.contains { $0 === program } ? "gateway" : "worker"): \(files) open files, \(memory)"
    }
  }

  /// Keeps the output of all processes for whoever looks into a failed run.
  ///
  /// - Returns: the folder.
  func keepLogs(seed: UInt64) throws -> String {
    let folder = NSTemporaryDirectory() + "/gpt2-chaos-\(seed)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (number, (name, program)) in state.withLock({ $0.all }).enumerated() {
      try program.output.write(toFile: "\(folder)/\(number)-\(name).log", atomically: false, encoding: .utf8)
    }
    try history.joined(separator: "\n").write(toFile: "\(folder)/faults", atomically: false, encoding: .utf8)
    return folder
  }

  /// Lets the processes that were told to stop do so, and looks at how all ended.
  func finish() async {
    let (running, leaving) = state.withLock { ($0.gateways + $0.workers, $0.leaving) }
    for program in running where !isEnding(program) {
      if let status = program.status, !isEnding(program) {
        report(program, "ended by itself with status \(status)")
      }
      program.send(SIGTERM)
    }
    for program in leaving + running {
      let status = await program.exit()
      if program.output.contains("Fatal error") { report(program, "hit a trap") }
      // One that had not said a word yet was told to stop before it could listen to that.
      let isUnborn = status == 128 + SIGTERM && program.output.isEmpty
      if status != 0, !isUnborn { report(program, "ended after SIGTERM with status \(status)") }
    }
  }
}
