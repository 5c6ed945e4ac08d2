import Foundation
import Glibc
import RedisTestServer
import ServiceUnderTest
import Synchronization

/// Gateways and workers as real processes, and a real Redis that they reach through proxies.
final class Deployment: Sendable {
  static let leaseMilliseconds = 2_000

  private struct State {
    var gateways: [Program] = []
    var urls: [String] = []
    var workers: [Program] = []
    /// Told to stop, and on their way.
    var leaving: [Program] = []
    var history: [String] = []
    var problems: [String] = []
  }

  let redis: RedisTestServer
  private let proxies: [Fault.Side: FaultyProxy]
  private let state = Mutex(State())
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

  private func startGateway(_ index: Int) async throws {
    let program = try Program(["gateway", "--port", "0"], environment: environment(.gateways))
    guard let line = await program.line(containing: "listening on http://"),
      let range = line.firstRange(of: #/http://127\.0\.0\.1:\d+/#)
    else { throw ChildProcess.Failure(description: "a gateway did not start:\n\(program.output)") }
    state.withLock { state in
      if index < state.gateways.count {
        state.gateways[index] = program
        state.urls[index] = String(line[range])
      } else {
        state.gateways.append(program)
        state.urls.append(String(line[range]))
      }
    }
  }

  private func startWorker(_ index: Int) throws {
    let program = try Program(["worker"], environment: environment(.workers))
    state.withLock { state in
      if index < state.workers.count { state.workers[index] = program } else { state.workers.append(program) }
    }
  }

  private func crash(_ program: Program) async {
    if let status = program.status { report(program, "ended by itself with status \(status)") }
    await program.crash()
  }

  private func report(_ program: Program, _ what: String) {
    let tail = program.output.split(separator: "\n").suffix(20).joined(separator: "\n")
    state.withLock { $0.problems.append("a process \(what):\n\(tail)") }
  }

  /// Lets the processes that were told to stop do so, and looks at how all ended.
  func finish() async {
    let (running, leaving) = state.withLock { ($0.gateways + $0.workers, $0.leaving) }
    for program in running {
      if let status = program.status { report(program, "ended by itself with status \(status)") }
      program.send(SIGTERM)
    }
    for program in leaving + running {
      let status = await program.exit()
      // One that had not said a word yet was told to stop before it could listen to that.
      let isUnborn = status == 128 + SIGTERM && program.output.isEmpty
      if status != 0, !isUnborn { report(program, "ended after SIGTERM with status \(status)") }
    }
  }

  // MARK: Faults

  func inflict(_ fault: Fault) async throws {
    note("\(fault)")
    switch fault {
    case .killWorker(let index):
      await crash(state.withLock { $0.workers[index] })
      try startWorker(index)
    case .terminateWorker(let index):
      let worker = state.withLock { state in
        state.leaving.append(state.workers[index])
        return state.workers[index]
      }
      worker.send(SIGTERM)
      try startWorker(index)
    case .suspendWorker(let index, let time): await suspend(state.withLock { $0.workers[index] }, time)
    case .killGateway(let index):
      await crash(state.withLock { $0.gateways[index] })
      try await startGateway(index)
    case .terminateGateway(let index):
      let gateway = state.withLock { state in
        state.leaving.append(state.gateways[index])
        return state.gateways[index]
      }
      gateway.send(SIGTERM)
      try await startGateway(index)
    case .suspendGateway(let index, let time): await suspend(state.withLock { $0.gateways[index] }, time)
    case .crashRedis:
      redis.crash()
      try redis.start()
    case .killConnections:
      try redis.probe().send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    case .pauseRedis(let time): try redis.probe().send("CLIENT", "PAUSE", "\(time)", "ALL")
    case .fillMemory(let time):
      let probe = try redis.probe()
      try probe.send("CONFIG", "SET", "maxmemory", "1mb")
      await pass(time)
      try probe.send("CONFIG", "SET", "maxmemory", "0")
    case .delay(let side, let time):
      proxies[side]?.delay(milliseconds: time)
      await pass(1000)
      proxies[side]?.delay(milliseconds: 0)
    case .cut(let side): proxies[side]?.cut()
    case .halfClose(let side): proxies[side]?.halfClose()
    case .partition(let side, let time):
      proxies[side]?.partition(true)
      await pass(time)
      proxies[side]?.partition(false)
    }
  }

  private func suspend(_ program: Program, _ milliseconds: Int) async {
    program.send(SIGSTOP)
    await pass(milliseconds)
    program.send(SIGCONT)
  }

  /// The length of a fault; nothing is waited for.
  private func pass(_ milliseconds: Int) async { try? await Task.sleep(for: .milliseconds(milliseconds)) }
}
