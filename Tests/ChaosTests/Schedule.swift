/// What goes wrong.
enum Fault: Sendable, CustomStringConvertible {
  /// Which of the two ways to Redis.
  enum Side: String, CaseIterable, Sendable { case gateways, workers }

  case killWorker(Int)
  case terminateWorker(Int)
  /// Stopped beyond its lease, and then woken.
  case suspendWorker(Int, milliseconds: Int)
  case killGateway(Int)
  case terminateGateway(Int)
  case suspendGateway(Int, milliseconds: Int)
  case crashRedis
  /// It comes back late.
  case crashRedisFor(milliseconds: Int)
  case killConnections
  case pauseRedis(milliseconds: Int)
  case fillMemory(milliseconds: Int)
  case delay(Side, milliseconds: Int)
  case cut(Side)
  case halfClose(Side)
  /// Connections stay open and carry nothing, and new ones get no answer.
  case partition(Side, milliseconds: Int)
  /// Commands arrive, and their answers don't come, though nothing is closed.
  case silence(Side, milliseconds: Int)

  /// What fails: two faults of the same at once would be one.
  var victim: String {
    switch self {
    case .killWorker(let index), .terminateWorker(let index), .suspendWorker(let index, _): "worker \(index)"
    case .killGateway(let index), .terminateGateway(let index), .suspendGateway(let index, _):
      "gateway \(index)"
    case .crashRedis, .crashRedisFor, .killConnections, .pauseRedis, .fillMemory: "Redis"
    case .delay(let side, _), .cut(let side), .halfClose(let side), .partition(let side, _),
      .silence(let side, _):
      "network of \(side.rawValue)"
    }
  }

  var description: String {
    switch self {
    case .killWorker(let index): "SIGKILL worker \(index)"
    case .terminateWorker(let index): "SIGTERM worker \(index)"
    case .suspendWorker(let index, let time): "SIGSTOP worker \(index) for \(time) ms"
    case .killGateway(let index): "SIGKILL gateway \(index)"
    case .terminateGateway(let index): "SIGTERM gateway \(index)"
    case .suspendGateway(let index, let time): "SIGSTOP gateway \(index) for \(time) ms"
    case .crashRedis: "SIGKILL Redis"
    case .crashRedisFor(let time): "SIGKILL Redis, which comes back after \(time) ms"
    case .killConnections: "CLIENT KILL"
    case .pauseRedis(let time): "CLIENT PAUSE \(time)"
    case .fillMemory(let time): "maxmemory reached for \(time) ms"
    case .delay(let side, let time): "delay \(side.rawValue) by up to \(time) ms"
    case .cut(let side): "cut \(side.rawValue)"
    case .halfClose(let side): "half-close \(side.rawValue)"
    case .partition(let side, let time): "partition \(side.rawValue) for \(time) ms"
    case .silence(let side, let time): "no answers to \(side.rawValue) for \(time) ms"
    }
  }
}

/// The faults of a run in their order, a function of the seed alone.
struct Schedule: Sendable {
  /// One fault each, or two at the same time.
  private(set) var steps: [[Fault]] = []

  init(seed: UInt64, count: Int, workers: Int, gateways: Int, leaseMilliseconds: Int) {
    var random = SeededRandom(seed: seed)
    func fault() -> Fault {
      let worker = Int.random(in: 0..<workers, using: &random)
      let gateway = Int.random(in: 0..<gateways, using: &random)
      let side = Fault.Side.allCases[Int.random(in: 0...1, using: &random)]
      let short = Int.random(in: 200...1200, using: &random)
      // Sometimes noticed by the others, and sometimes not.
      let long = leaseMilliseconds / 2 + Int.random(in: 0...(leaseMilliseconds * 3 / 2), using: &random)
      switch Int.random(in: 0..<22, using: &random) {
      case 0...3: return .killWorker(worker)
      case 4...5: return .terminateWorker(worker)
      case 6...7: return .suspendWorker(worker, milliseconds: long)
      case 8...9: return .killGateway(gateway)
      case 10: return .terminateGateway(gateway)
      case 11: return .suspendGateway(gateway, milliseconds: short)
      case 12: return .crashRedis
      case 13: return .crashRedisFor(milliseconds: long)
      case 14: return .killConnections
      case 15: return .pauseRedis(milliseconds: short)
      case 16: return .fillMemory(milliseconds: short)
      case 17: return .delay(side, milliseconds: 40)
      case 18: return .cut(side)
      case 19: return .halfClose(side)
      case 20: return .silence(side, milliseconds: long)
      default: return .partition(side, milliseconds: long)
      }
    }
    var left = count
    while left > 0 {
      var step = [fault()]
      let isDouble = Int.random(in: 0..<4, using: &random) == 0
      let other = fault()
      if isDouble, left > 1, step[0].victim != other.victim { step.append(other) }
      steps.append(step)
      left -= step.count
    }
  }
}
