import Foundation
import Glibc
import RedisTestServer
import ServiceUnderTest
import Synchronization

extension Deployment {
  func inflict(_ fault: Fault) async throws {
    note("\(fault)")
    switch fault {
    case .killWorker(let index):
      await crash(state.withLock { $0.workers[index] })
      try startWorker(index)
    case .terminateWorker(let index):
      let worker = state.withLock { state in
        state.leaving.append(state.workers[index])
        state.ending.insert(ObjectIdentifier(state.workers[index]))
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
        state.ending.insert(ObjectIdentifier(state.gateways[index]))
        return state.gateways[index]
      }
      gateway.send(SIGTERM)
      try await startGateway(index)
    case .suspendGateway(let index, let time): await suspend(state.withLock { $0.gateways[index] }, time)
    case .crashRedis:
      redis.crash()
      try redis.start()
    case .crashRedisFor(let time):
      redis.crash()
      await pass(time)
      try redis.start()
    case .killConnections:
      _ = try? redis.probe().send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    case .pauseRedis(let time): _ = try? redis.probe().send("CLIENT", "PAUSE", "\(time)", "ALL")
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
    case .silence(let side, let time):
      proxies[side]?.silence(true)
      await pass(time)
      proxies[side]?.silence(false)
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
