import DequeModule

/// The in-memory queue as a pure value: every function takes the time and changes only this.
struct InMemoryQueueState {
  /// A job in a list.
  struct Waiting {
    let id: JobID
    let payload: [UInt8]
  }

  /// A job that waits or runs.
  struct Record {
    let submittedAt: Duration
    let fingerprint: String?
    /// The claim that runs it; nil while it waits or was only claimed.
    var owner: UInt64?
    var hasBegun = false
    var cancelRequested = false
    var attachments = 0
  }

  struct Result {
    let bytes: [UInt8]
    let fingerprint: String?
    let expiresAt: Duration
    var isOfDeadJob = false
  }

  let limits: QueueLimits
  private(set) var lists: [JobPriority: Deque<Waiting>] = [:]
  private(set) var records: [JobID: Record] = [:]
  private(set) var results: [JobID: Result] = [:]
  private(set) var claims: [UInt64: JobID] = [:]
  var dead: Deque<DeadJob> = []
  var paused = false
  var closed = false
  private(set) var lastClaimAt: Duration?
  /// Results in the order in which they expire.
  private var expiries: Deque<(id: JobID, at: Duration)> = []
  private var claimCount = 0
  private var pace = ServicePace()
  /// Since the start, by the names that the queue on Redis uses.
  private(set) var counts: [String: Int] = [:]

  init(limits: QueueLimits) { self.limits = limits }

  // MARK: Producer

  mutating func submit(_ job: JobSubmission, now: Duration) throws(JobQueueError) -> SubmitOutcome {
    dropExpired(now: now)
    if let result = results[job.id] {
      try check(job, against: result.fingerprint)
      return .finished(result: result.bytes)
    }
    if let record = records[job.id] {
      try check(job, against: record.fingerprint)
      attach(to: job.id)
      return .attached
    }
    let depth = lists[job.priority]?.count ?? 0
    guard depth < limits.capacity else {
      throw .queueFull(capacity: limits.capacity, timeToServe: pace.time(for: depth, now: now))
    }
    records[job.id] = Record(submittedAt: now, fingerprint: job.fingerprint)
    lists[job.priority, default: []].append(Waiting(id: job.id, payload: job.payload))
    return .queued(position: depth + 1)
  }

  mutating func attach(to id: JobID) { records[id]?.attachments += 1 }

  private func check(_ job: JobSubmission, against fingerprint: String?) throws(JobQueueError) {
    guard let asked = job.fingerprint, let known = fingerprint, asked != known else { return }
    throw .idConflict(job.id)
  }

  mutating func state(of id: JobID, now: Duration) -> JobState {
    dropExpired(now: now)
    if let result = results[id] { return .finished(result: result.bytes) }
    guard let record = records[id] else { return .unknown }
    return record.hasBegun ? .running(attempt: 1) : .queued
  }

  mutating func cancel(_ id: JobID, result: [UInt8], now: Duration) -> CancelOutcome {
    dropExpired(now: now)
    if results[id] != nil { return .alreadyFinished }
    guard records[id] != nil else { return .unknown }
    for priority in JobPriority.allCases {
      guard let index = lists[priority]?.firstIndex(where: { $0.id == id }) else { continue }
      lists[priority]?.remove(at: index)
      finish(id, result: result, now: now)
      counts["cancelled", default: 0] += 1
      return .removed
    }
    records[id]?.cancelRequested = true
    return .requested
  }

  // MARK: Consumer

  mutating func claim(upTo limit: Int, now: Duration) -> [(
    number: UInt64, job: Waiting, priority: JobPriority
  )] {
    lastClaimAt = now
    guard !paused else { return [] }
    let order = JobPriority.order(forClaim: claimCount)
    claimCount &+= 1
    var taken: [(number: UInt64, job: Waiting, priority: JobPriority)] = []
    for priority in order {
      while taken.count < limit, let job = lists[priority]?.popFirst() {
        lastClaimNumber += 1
        claims[lastClaimNumber] = job.id
        taken.append((lastClaimNumber, job, priority))
      }
    }
    return taken
  }

  private var lastClaimNumber: UInt64 = 0

  mutating func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?, now: Duration
  ) -> StartOutcome {
    dropExpired(now: now)
    guard results[id] == nil, var record = records[id] else {
      claims[job.claimNumber] = nil
      return .alreadyFinished
    }
    if record.cancelRequested { return .cancelled }
    let queued = now - record.submittedAt
    if let timeToLive, queued > timeToLive, !record.hasBegun { return .expired }
    record.owner = job.claimNumber
    record.hasBegun = true
    records[id] = record
    return .run(attempt: 1, queued: queued)
  }

  func emit(_ progress: JobProgress) -> EmitOutcome {
    guard let record = records[progress.id], record.owner == progress.job.claimNumber else { return .fenced }
    return record.cancelRequested ? .cancelled : .delivered(attachments: record.attachments)
  }

  mutating func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], failed: Bool, now: Duration
  ) -> PostOutcome {
    dropExpired(now: now)
    claims[job.claimNumber] = nil
    if let visible = results[id] {
      if visible.bytes == result { return .visible }
      counts["duplicates", default: 0] += 1
      return .duplicate
    }
    finish(id, result: result, now: now)
    pace.serve(now: now)
    counts["posted", default: 0] += 1
    if failed { counts["failed", default: 0] += 1 }
    return .visible
  }

  /// Whether `result` became the result of the job.
  mutating func bury(
    _ job: ClaimedJob, id: JobID?, reason: String, result: [UInt8]?, now: Duration
  ) -> Bool {
    let submitted = claims.removeValue(forKey: job.claimNumber)
    dropExpired(now: now)
    if let id, result != nil, results[id] != nil { return false }
    if submitted != nil {
      addDead(DeadJob(id: id, reason: reason, priority: job.priority, payload: job.payload))
      counts["buried", default: 0] += 1
    }
    guard let id, let result else {
      if let submitted { records[submitted] = nil }
      return false
    }
    finish(id, result: result, now: now)
    results[id]?.isOfDeadJob = true
    return true
  }

  mutating func release(_ job: ClaimedJob) {
    guard let id = claims.removeValue(forKey: job.claimNumber), records[id] != nil else { return }
    records[id]?.owner = nil
    lists[job.priority, default: []].prepend(Waiting(id: id, payload: job.payload))
  }

  // MARK: Dead jobs and bookkeeping

  /// What can be run goes back, but not while its id is of another job.
  mutating func retryDead(now: Duration) -> Int {
    dropExpired(now: now)
    let found = dead
    dead = []
    for job in found {
      guard let id = job.id, records[id] == nil, results[id]?.isOfDeadJob != false else {
        dead.append(job)
        continue
      }
      records[id] = Record(submittedAt: now, fingerprint: results.removeValue(forKey: id)?.fingerprint)
      lists[job.priority, default: []].append(Waiting(id: id, payload: job.payload))
    }
    return found.count - dead.count
  }

  private mutating func addDead(_ job: DeadJob) {
    dead.append(job)
    if dead.count > limits.deadCapacity { dead.removeFirst() }
  }

  private mutating func finish(_ id: JobID, result: [UInt8], now: Duration) {
    let end = now + limits.resultTimeToLive
    results[id] = Result(bytes: result, fingerprint: records[id]?.fingerprint, expiresAt: end)
    records[id] = nil
    expiries.append((id, end))
  }

  private mutating func dropExpired(now: Duration) {
    while let first = expiries.first, first.at <= now {
      expiries.removeFirst()
      // Not that of a later job with the same id.
      if results[first.id]?.expiresAt == first.at { results[first.id] = nil }
    }
  }

  func oldestWait(now: Duration) -> Duration? {
    lists.values.compactMap { $0.first.flatMap { records[$0.id]?.submittedAt } }.min().map { now - $0 }
  }
}
