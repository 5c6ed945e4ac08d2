import DequeModule
package import JobQueue

/// What a worker holds, as a pure value. It is compared with the worker's list in Redis to find jobs whose claim
/// was answered but never heard.
package struct InFlightJobs {
  private var lastClaimNumber: UInt64 = 0
  private var jobs: [UInt64: ClaimedJob] = [:]
  /// How often each payload is held; a producer may push the same one twice.
  private var counts: [[UInt8]: Int] = [:]
  /// Taken up outside `claim`, and to be returned by the next one.
  private var adopted: Deque<ClaimedJob> = []
  /// Payloads that were let go since a comparison began: its view of Redis may be older.
  private var releasedMeanwhile: [[UInt8]]?
  /// The claims that run.
  private var started: Set<UInt64> = []
  /// The running jobs whose reader was told that they are cancelled.
  private var told: Set<UInt64> = []

  package init() {}

  package var count: Int { jobs.count }

  package mutating func add(
    payload: [UInt8], envelope: JobEnvelope?, priority: JobPriority, attemptsExhausted: Bool = false
  ) -> ClaimedJob {
    lastClaimNumber += 1
    let job = ClaimedJob(
      payload: payload, envelope: envelope, priority: priority, attemptsExhausted: attemptsExhausted,
      claimNumber: lastClaimNumber)
    jobs[job.claimNumber] = job
    counts[payload, default: 0] += 1
    return job
  }

  package mutating func remove(_ job: ClaimedJob) {
    guard jobs.removeValue(forKey: job.claimNumber) != nil else { return }
    started.remove(job.claimNumber)
    told.remove(job.claimNumber)
    let left = (counts[job.payload] ?? 1) - 1
    counts[job.payload] = left == 0 ? nil : left
    releasedMeanwhile?.append(job.payload)
  }

  package mutating func handOut(_ job: ClaimedJob) { adopted.append(job) }

  package mutating func takeAdopted(upTo limit: Int) -> [ClaimedJob] {
    let taken = adopted.prefix(limit)
    adopted.removeFirst(taken.count)
    return Array(taken)
  }

  package func holds(_ id: JobID) -> Bool { jobs.values.contains { $0.envelope?.id == id } }

  package mutating func noteStarted(_ job: ClaimedJob) {
    if jobs[job.claimNumber] != nil { started.insert(job.claimNumber) }
  }

  /// The jobs that run.
  package var running: [(job: ClaimedJob, id: JobID)] {
    started.compactMap { number in jobs[number].flatMap { job in job.envelope.map { (job, $0.id) } } }
  }

  package func isRunning(_ job: ClaimedJob) -> Bool { started.contains(job.claimNumber) }

  /// All that is held and can be named, the oldest first, as it was pushed into the worker's list.
  package var held: [(job: ClaimedJob, id: JobID)] {
    jobs.values.sorted { $0.claimNumber < $1.claimNumber }
      .compactMap { job in job.envelope.map { (job, $0.id) } }
  }

  /// True if the job is still held.
  package mutating func noteFenced(_ job: ClaimedJob) -> Bool {
    defer { remove(job) }
    return jobs[job.claimNumber] != nil
  }

  /// True the first time.
  package mutating func noteCancelled(_ claimNumber: UInt64) -> Bool {
    jobs[claimNumber] != nil && told.insert(claimNumber).inserted
  }

  package mutating func beginComparison() { releasedMeanwhile = [] }

  /// The payloads of `listed`, read since `beginComparison`, that are not held.
  package mutating func endComparison(listed: [[UInt8]]) -> [[UInt8]] {
    var known = counts
    for payload in releasedMeanwhile ?? [] { known[payload, default: 0] += 1 }
    releasedMeanwhile = nil
    return listed.filter { payload in
      guard let count = known[payload], count > 0 else { return true }
      known[payload] = count - 1
      return false
    }
  }
}
