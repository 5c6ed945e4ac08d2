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
  case killConnections
  case pauseRedis(milliseconds: Int)
  case fillMemory(milliseconds: Int)
  case delay(Side, milliseconds: Int)
  case cut(Side)
  case halfClose(Side)
  /// Connections stay open and carry nothing, and new ones get no answer.
  case partition(Side, milliseconds: Int)

  var description: String {
    switch self {
    case .killWorker(let index): "SIGKILL worker \(index)"
    case .terminateWorker(let index): "SIGTERM worker \(index)"
    case .suspendWorker(let index, let time): "SIGSTOP worker \(index) for \(time) ms"
    case .killGateway(let index): "SIGKILL gateway \(index)"
    case .terminateGateway(let index): "SIGTERM gateway \(index)"
    case .suspendGateway(let index, let time): "SIGSTOP gateway \(index) for \(time) ms"
    case .crashRedis: "SIGKILL Redis"
    case .killConnections: "CLIENT KILL"
    case .pauseRedis(let time): "CLIENT PAUSE \(time)"
    case .fillMemory(let time): "maxmemory reached for \(time) ms"
    case .delay(let side, let time): "delay \(side.rawValue) by up to \(time) ms"
    case .cut(let side): "cut \(side.rawValue)"
    case .halfClose(let side): "half-close \(side.rawValue)"
    case .partition(let side, let time): "partition \(side.rawValue) for \(time) ms"
    }
  }
}

/// The faults of a run in their order, a function of the seed alone.
struct Schedule: Sendable {
  let faults: [Fault]

  init(seed: UInt64, count: Int, workers: Int, gateways: Int, leaseMilliseconds: Int) {
    var random = SeededRandom(seed: seed)
    faults = (0..<count).map { _ in
      let worker = Int.random(in: 0..<workers, using: &random)
      let gateway = Int.random(in: 0..<gateways, using: &random)
      let side = Fault.Side.allCases[Int.random(in: 0...1, using: &random)]
      let short = Int.random(in: 200...1200, using: &random)
      // Sometimes noticed by the others, and sometimes not.
      let long = leaseMilliseconds / 2 + Int.random(in: 0...(leaseMilliseconds * 3 / 2), using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0...3: return .killWorker(worker)
      case 4...5: return .terminateWorker(worker)
      case 6...7: return .suspendWorker(worker, milliseconds: long)
      case 8: return .killGateway(gateway)
      case 9: return .terminateGateway(gateway)
      case 10: return .suspendGateway(gateway, milliseconds: short)
      case 11...12: return .crashRedis
      case 13: return .killConnections
      case 14: return .pauseRedis(milliseconds: short)
      case 15: return .fillMemory(milliseconds: short)
      case 16: return .delay(side, milliseconds: 40)
      case 17: return .cut(side)
      case 18: return .halfClose(side)
      default: return .partition(side, milliseconds: long)
      }
    }
  }
}
