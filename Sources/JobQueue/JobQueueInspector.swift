/// The side of a queue for people and probes.
package protocol JobQueueInspector: Sendable {
  /// A snapshot of what waits, runs and died.
  func status() async throws(JobQueueError) -> QueueStatus

  /// Throws what is in the way of a job being served now: the store refuses a write, or no worker is alive.
  func ready() async throws(JobQueueError)

  /// The newest entries of the dead list.
  func deadJobs(limit: Int) async throws(JobQueueError) -> [DeadJob]

  /// Puts every dead job back into its list with its attempts forgotten; the count.
  func retryDeadJobs() async throws(JobQueueError) -> Int

  /// Empties the dead list; the count.
  func purgeDeadJobs() async throws(JobQueueError) -> Int

  /// While paused, nothing is claimed; what runs goes on.
  func setPaused(_ paused: Bool) async throws(JobQueueError)
}

/// A snapshot of a queue.
package struct QueueStatus: Sendable, Equatable {
  /// Jobs that wait, by list.
  package var depth: [JobPriority: Int]
  /// Jobs claimed by workers, dead ones included.
  package var running: Int
  package var dead: Int
  package var workers: [WorkerStatus]
  package var paused: Bool
  /// How long the oldest waiting job has waited, if known.
  package var oldestWait: Duration?
  /// What happened in total: `posted` results and how many of them `failed`, `duplicates` that were dropped,
  /// `crashes` of workers that ran a job, jobs `recovered` from dead workers, `exhausted`, `buried`, `cancelled`.
  package var counts: [String: Int]

  package init(
    depth: [JobPriority: Int], running: Int, dead: Int, workers: [WorkerStatus], paused: Bool,
    oldestWait: Duration?, counts: [String: Int] = [:]
  ) {
    self.depth = depth
    self.running = running
    self.dead = dead
    self.workers = workers
    self.paused = paused
    self.oldestWait = oldestWait
    self.counts = counts
  }
}

/// A worker as the queue sees it.
package struct WorkerStatus: Sendable, Equatable {
  package var id: String
  /// How long ago it gave a sign of life.
  package var lastBeat: Duration
  /// Whether that is within the lease.
  package var alive: Bool
  /// Jobs in its hands.
  package var running: Int
  /// What it says of itself.
  package var info: [String: String]

  package init(id: String, lastBeat: Duration, alive: Bool, running: Int, info: [String: String]) {
    self.id = id
    self.lastBeat = lastBeat
    self.alive = alive
    self.running = running
    self.info = info
  }
}

/// An entry of the dead list.
package struct DeadJob: Sendable, Equatable {
  package var id: JobID?
  package var reason: String
  package var priority: JobPriority
  package var payload: [UInt8]

  package init(id: JobID?, reason: String, priority: JobPriority, payload: [UInt8]) {
    self.id = id
    self.reason = reason
    self.priority = priority
    self.payload = payload
  }
}
