import JobQueueRedis

/// A random order of script runs by several workers and producers, each with the answer that the model gives.
struct ScriptSchedule {
  private static let workers = ["a", "b", "c"]

  private(set) var model = QueueModel()
  private(set) var commands: [[String]] = []
  private(set) var expected: [[String]] = []
  /// An id that got lost on the way, by the model's own account.
  private(set) var lostID: String?
  private(set) var commandsUntilLoss = 0

  private let prefix: String
  private let hashes: [String: String]
  private var random: SplitMix
  private var lastNumber = 0
  /// What each worker believes that it holds, whether that still holds or not.
  private var held: [(claim: QueueModel.Claim, payload: String, list: String, isStarted: Bool)] = []

  /// - Parameter hashes: what `SCRIPT LOAD` answered, by the script's name.
  init(seed: UInt64, steps: Int, namespace: String, hashes: [String: String]) {
    prefix = "{\(namespace)}:"
    self.hashes = hashes
    random = SplitMix(state: seed)
    for _ in 0..<steps {
      step()
      if lostID == nil {
        lostID = model.lostID
        commandsUntilLoss = commands.count
      }
    }
    dump()
  }

  // MARK: Steps

  private mutating func step() {
    let id = "j\(pick(3))"
    let worker = Self.workers[pick(3)]
    switch pick(20) {
    case 0...2: submit(id)
    case 3: push(id)
    case 4...7: claim(worker)
    case 8:
      run(
        "cancel", ["cxl:" + id, "res:" + id, "job:" + id, "stats"] + Self.queues,
        [id, "cancelled", "300000", "600000", "100", "60000", ""], model.cancel(id))
    case 9: beat(worker)
    case 10:
      model.silence(worker)
      plain(["ZADD", prefix + "workers", "1", worker], ["*"])
    case 11: recover(by: worker)
    case 12 where pick(3) == 0:
      model.isPaused.toggle()
      plain(model.isPaused ? ["SET", prefix + "paused", "1"] : ["DEL", prefix + "paused"], ["*"])
    case 13 where pick(3) == 0:
      run(
        "depart", ["workers", "winfo:" + worker, "proc:" + worker, "stats"], [worker], model.depart(worker))
    case 14 where pick(6) == 0: loseAll()
    case 15 where pick(2) == 0: run("attach", ["job:" + id], [inbox], model.attach(id))
    default: proceed()
    }
  }

  private mutating func submit(_ id: String) {
    lastNumber += 1
    let (list, fingerprint) = (QueueModel.lists[pick(3)], ["", "x", "y"][pick(3)])
    let payload = "\(id)|\(lastNumber)"
    run(
      "submit", ["q:" + list, "job:" + id, "res:" + id, "cxl:" + id, "stats", "pace"],
      [payload, "\(QueueModel.capacity)", "86400000", list, fingerprint, inbox],
      model.submit(payload, to: list, fingerprint: fingerprint))
  }

  private mutating func push(_ id: String) {
    // The same payload may be pushed twice.
    let list = QueueModel.lists[pick(3)]
    let payload = "\(id)|bare"
    plain(["LPUSH", prefix + "q:" + list, payload], model.push(payload, to: list))
  }

  private mutating func claim(_ worker: String) {
    let order = pick(4) == 0 ? QueueModel.lists.reversed() : QueueModel.lists
    let limit = 1 + pick(3)
    let taken = model.claim(by: worker, upTo: limit, order: order)
    run(
      "claim", ["proc:" + worker, "workers", "paused"] + order.map { "q:" + $0 }, [worker, "\(limit)"], taken)
    for index in stride(from: 1, to: taken.count, by: 2) {
      lastNumber += 1
      let claim = QueueModel.Claim(worker: worker, number: lastNumber)
      held.append((claim, taken[index + 1], order[Int(taken[index]) ?? 0], false))
    }
  }

  /// Something that a worker does with a job that it has or had.
  private mutating func proceed() {
    guard !held.isEmpty else { return }
    let index = pick(held.count)
    let (claim, payload, list, isStarted) = held[index]
    let id = QueueModel.id(of: payload)
    let (hands, job, result) = ("proc:" + claim.worker, "job:" + id, "res:" + id)
    switch pick(isStarted ? 9 : 4) {
    case 0...1:
      run(
        "start",
        [hands, job, result, "cxl:" + id, "workers", "winfo:" + claim.worker, "paused", "q:" + list],
        [claim.token, payload, id, list, "0", "600000", "86400000", "", "100", "60000", "600000", "0"],
        model.start(claim, payload, list: list))
      held[index].isStarted = true
    case 2:
      run(
        "release", [hands, "q:" + list, job], [payload, claim.token], model.release(claim, payload, to: list))
    case 3: run("adopt", [job], [claim.worker], model.adopt(id, by: claim.worker))
    case 4:
      run(
        "emit", [job, "cxl:" + id], [claim.token, id, "1", "text", "", "100", "60000"], model.emit(claim, id))
    case 5:
      run(
        "bury", [hands, "dead", "stats", job, result],
        [payload, "1000", list, "reason", id, "buried", "600000", "", "100", "60000", "604800000"],
        model.bury(claim, payload, "buried"))
    case 6:
      run(
        "restore", [hands, job, result], [payload, claim.token, list, "86400000"],
        model.restore(claim, payload, list: list))
    default:
      // The same job gives the same result, unless it failed here.
      let text = pick(4) == 0 ? "by \(claim.token)" : "result"
      run(
        "post", [hands, result, job, "stats"],
        [payload, text, "600000", id, "", "100", "60000", "0"], model.post(claim, payload, text))
    }
  }

  private mutating func beat(_ worker: String) {
    let running = held.filter { $0.claim.worker == worker && $0.isStarted }
      .map { (claim: $0.claim, id: QueueModel.id(of: $0.payload)) }
    run(
      "beat",
      ["workers", "winfo:" + worker, "stats", "pace"] + running.flatMap { ["cxl:" + $0.id, "job:" + $0.id] },
      [worker, "86400000", "\(running.count)"] + running.map(\.claim.token) + [
        "running", "0", "restored", "1",
      ],
      model.beat(worker, running: running))
  }

  private mutating func recover(by worker: String) {
    guard let silent = Self.workers.filter({ $0 != worker && model.hands[$0]?.isEmpty == false }).first,
      let payload = model.hands[silent]?.first
    else { return }
    let id = QueueModel.id(of: payload)
    let lastBeat = model.lastBeat(of: silent)
    let answer = model.recover(payload, from: silent, by: worker)
    run(
      "recover",
      ["workers", "proc:" + silent, "proc:" + worker, "stats"] + Self.queues
        + ["job:" + id, "res:" + id],
      [silent, lastBeat, payload, "\(QueueModel.maxDeaths)", "86400000"], answer)
    if answer == ["2"] {
      lastNumber += 1
      held.append((QueueModel.Claim(worker: worker, number: lastNumber), payload, "default", true))
    }
  }

  private mutating func loseAll() {
    model.loseAll()
    let keys =
      QueueModel.lists.map { "q:" + $0 } + Self.workers.flatMap { ["proc:" + $0, "winfo:" + $0] }
      + (0..<3).flatMap { ["job:j\($0)", "res:j\($0)", "cxl:j\($0)"] } + [
        "workers", "dead", "paused", "stats", "pace",
      ]
    plain(["DEL"] + keys.map { prefix + $0 }, ["*"])
  }

  // MARK: Commands

  /// The address of a gateway.
  private var inbox: String { "s" + prefix + "inbox:g" }
  private static let queues = ["q:high", "q:default", "q:low"]

  private mutating func run(_ script: String, _ keys: [String], _ arguments: [String], _ answer: [String]) {
    plain(["EVALSHA", hashes[script] ?? "", "\(keys.count)"] + keys.map { prefix + $0 } + arguments, answer)
  }

  private mutating func plain(_ command: [String], _ answer: [String]) {
    commands.append(command)
    expected.append(answer)
  }

  /// What there is in the end.
  private mutating func dump() {
    for list in QueueModel.lists {
      plain(["LRANGE", prefix + "q:" + list, "0", "-1"], model.waiting[list] ?? [])
    }
    for worker in Self.workers {
      plain(["LRANGE", prefix + "proc:" + worker, "0", "-1"], model.hands[worker] ?? [])
    }
    for id in (0..<3).map({ "j\($0)" }) {
      plain(["GET", prefix + "res:" + id], model.results[id].map { [$0] } ?? [])
      let job = model.jobs[id]
      plain(["HMGET", prefix + "job:" + id, "s", "w"], [job?.state ?? "", job?.owner?.token ?? ""])
    }
    plain(["LLEN", prefix + "dead"], ["\(model.dead.count)"])
  }

  private mutating func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
}

/// SplitMix64.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
