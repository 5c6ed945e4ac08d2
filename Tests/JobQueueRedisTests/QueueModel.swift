/// What the scripts should do, said again with arrays: the left end of a list is its first element.
struct QueueModel {
  struct Job {
    var state = ""
    var list: String?
    var owner: Claim?
    var deaths = 0
    var fingerprint = ""
    /// Kept from the submission on, to find the job in its list.
    var payload: String?
    var attachments = 0
  }

  /// One claim of one worker.
  struct Claim: Hashable {
    let worker: String
    let number: Int
    var token: String { "\(worker)#\(number)" }
  }

  static let lists = ["high", "default", "low"]
  static let capacity = 4
  static let maxDeaths = 2

  private(set) var waiting: [String: [String]] = [:]
  private(set) var hands: [String: [String]] = [:]
  private(set) var jobs: [String: Job] = [:]
  private(set) var results: [String: String] = [:]
  private(set) var dead: [String] = []
  private var cancelled: Set<String> = []
  /// Whether Redis takes a worker for alive; nil: it knows no time of it.
  private var isAlive: [String: Bool] = [:]
  private var isKnown: Set<String> = []
  private var hasRestored: Set<String> = []
  /// The sign of life by which one that isn't alive is known.
  private var lastBeats: [String: String] = [:]
  var isPaused = false
  /// The ids that were accepted since the last loss of all data.
  private(set) var accepted: Set<String> = []

  /// An id that was accepted, and has neither a result nor a payload anywhere.
  var lostID: String? {
    let kept = (Array(waiting.values) + Array(hands.values)).joined() + dead
    return accepted.first { id in results[id] == nil && !kept.contains { Self.id(of: $0) == id } }
  }

  static func id(of payload: String) -> String { String(payload.prefix { $0 != "|" }) }

  // MARK: Producers

  mutating func push(_ payload: String, to list: String) -> [String] {
    waiting[list, default: []].insert(payload, at: 0)
    accepted.insert(Self.id(of: payload))
    return ["\(waiting[list]?.count ?? 0)"]
  }

  mutating func submit(_ payload: String, to list: String, fingerprint: String) -> [String] {
    let id = Self.id(of: payload)
    if let job = jobs[id] {
      let result = job.state == "done" ? results[id] : nil
      let isOther = job.fingerprint != "" && fingerprint != "" && job.fingerprint != fingerprint
      if isOther { return ["5"] }
      if let result { return ["3", result] }
      if job.state != "done" {
        jobs[id]?.attachments += 1
        return ["2"]
      }
    }
    if waiting[list, default: []].count >= Self.capacity { return ["4", "*"] }
    cancelled.remove(id)
    jobs[id] = Job(state: "queued", list: list, fingerprint: fingerprint, payload: payload)
    return ["1"] + push(payload, to: list)
  }

  mutating func attach(_ id: String) -> [String] {
    guard let job = jobs[id], job.state != "done" else { return ["0"] }
    jobs[id]?.attachments += 1
    return ["1"]
  }

  mutating func cancel(_ id: String) -> [String] {
    if let result = results[id] { return [result == "cancelled" ? "1" : "3"] }
    let job = jobs[id]
    cancelled.insert(id)
    if job?.state == "queued", let payload = job?.payload {
      for list in Self.lists {
        guard let index = waiting[list]?.lastIndex(of: payload) else { continue }
        waiting[list]?.remove(at: index)
        cancelled.remove(id)
        finish(id, "cancelled")
        return ["1"]
      }
    }
    return [job?.state == "queued" || job?.state == "running" ? "2" : "0"]
  }

  // MARK: Workers

  mutating func claim(by worker: String, upTo limit: Int, order: [String]) -> [String] {
    isAlive[worker] = true
    if isPaused { return ["1"] }
    var taken = ["0"]
    for (index, list) in order.enumerated() {
      while taken.count < 1 + 2 * limit, let payload = waiting[list]?.popLast() {
        hands[worker, default: []].insert(payload, at: 0)
        taken += ["\(index)", payload]
      }
    }
    return taken
  }

  mutating func start(_ claim: Claim, _ payload: String, list: String) -> [String] {
    let id = Self.id(of: payload)
    guard hands[claim.worker]?.contains(payload) == true else {
      return [results[id] != nil || hasRestored.contains(claim.worker) ? "0" : "4"]
    }
    var job = jobs[id] ?? Job()
    let runsElsewhere =
      job.state == "running"
      && job.owner.map { $0.worker != claim.worker && isAlive[$0.worker] == true } == true
    if results[id] != nil || runsElsewhere {
      take(payload, from: claim.worker)
      return ["0"]
    }
    if cancelled.contains(id) { return ["1"] }
    if isPaused, job.owner != claim {
      take(payload, from: claim.worker)
      waiting[list, default: []].append(payload)
      return ["0"]
    }
    job.state = "running"
    job.owner = claim
    job.list = list
    jobs[id] = job
    return ["3", "\(job.deaths)", "*"]
  }

  func emit(_ claim: Claim, _ id: String) -> [String] {
    if let job = jobs[id], job.owner != claim { return ["0"] }
    return [cancelled.contains(id) ? "-1" : "\(1 + (jobs[id]?.attachments ?? 0))"]
  }

  mutating func post(_ claim: Claim, _ payload: String, _ result: String) -> [String] {
    take(payload, from: claim.worker)
    let id = Self.id(of: payload)
    if results[id] == nil { finish(id, result) }
    return [results[id] == result ? "1" : "0"]
  }

  mutating func bury(_ claim: Claim, _ payload: String, _ result: String) -> [String] {
    let isOwned = take(payload, from: claim.worker)
    let id = Self.id(of: payload)
    if results[id] == nil {
      if isOwned { dead.insert(payload, at: 0) }
      finish(id, result)
    }
    return [isOwned ? "1" : "0"]
  }

  mutating func release(_ claim: Claim, _ payload: String, to list: String) -> [String] {
    guard take(payload, from: claim.worker) else { return ["0"] }
    let id = Self.id(of: payload)
    if jobs[id]?.owner?.worker == claim.worker {
      jobs[id]?.owner = nil
      jobs[id]?.state = "queued"
      jobs[id]?.payload = payload
    }
    waiting[list, default: []].append(payload)
    return ["1"]
  }

  mutating func adopt(_ id: String, by worker: String) -> [String] {
    if jobs[id]?.owner?.worker == worker {
      jobs[id]?.owner = nil
      jobs[id]?.state = "queued"
    }
    return ["\(jobs[id]?.deaths ?? 0)", jobs[id]?.list ?? ""]
  }

  // MARK: Liveness

  mutating func beat(_ worker: String, running: [(claim: Claim, id: String)]) -> [String] {
    let wasKnown = !isKnown.insert(worker).inserted
    if wasKnown { hasRestored.insert(worker) }
    isAlive[worker] = true
    let answers = running.map { claim, id in
      let isLost = !wasKnown && jobs[id] == nil
      return jobs[id]?.owner == claim || isLost ? (cancelled.contains(id) ? "1" : "0") : "2"
    }
    return answers + [wasKnown ? "1" : "0"]
  }

  mutating func silence(_ worker: String) {
    isAlive[worker] = false
    lastBeats[worker] = "1"
  }

  /// What the others know of one that they take for dead.
  func lastBeat(of worker: String) -> String { lastBeats[worker] ?? "1" }

  mutating func depart(_ worker: String) -> [String] {
    isKnown.remove(worker)
    hasRestored.remove(worker)
    let held = hands[worker]?.count ?? 0
    isAlive[worker] = held == 0 ? nil : false
    lastBeats[worker] = "0"
    return ["\(held)"]
  }

  mutating func recover(_ payload: String, from worker: String, by other: String) -> [String] {
    if isAlive[worker] == true { return ["-1"] }
    guard take(payload, from: worker) else { return ["0"] }
    let id = Self.id(of: payload)
    let list = jobs[id]?.list ?? "default"
    if results[id] == nil, jobs[id]?.owner.map({ $0.worker == worker }) ?? true {
      var job = jobs[id] ?? Job()
      job.deaths += 1
      job.owner = nil
      job.state = "queued"
      job.payload = payload
      jobs[id] = job
      if job.deaths >= Self.maxDeaths {
        hands[other, default: []].insert(payload, at: 0)
        return ["2"]
      }
    }
    waiting[list, default: []].append(payload)
    return ["1"]
  }

  mutating func restore(_ claim: Claim, _ payload: String, list: String) -> [String] {
    let id = Self.id(of: payload)
    if hands[claim.worker]?.contains(payload) == true { return ["2"] }
    if jobs[id] != nil || results[id] != nil { return ["0"] }
    hands[claim.worker, default: []].insert(payload, at: 0)
    jobs[id] = Job(state: "running", list: list, owner: claim)
    return ["1"]
  }

  /// Redis comes back empty.
  mutating func loseAll() { self = QueueModel() }

  // MARK: -

  @discardableResult
  private mutating func take(_ payload: String, from worker: String) -> Bool {
    guard let index = hands[worker]?.firstIndex(of: payload) else { return false }
    hands[worker]?.remove(at: index)
    return true
  }

  private mutating func finish(_ id: String, _ result: String) {
    results[id] = result
    var job = jobs[id] ?? Job()
    job.state = "done"
    job.owner = nil
    job.payload = nil
    jobs[id] = job
  }
}
