package import JobQueue

/// Every key of the queue. All begin with the same hash tag, so that a cluster keeps them in one slot and
/// scripts may touch several. The names are a promise to users: producers in other languages write and read
/// them.
package struct RedisKeys: Sendable {
  /// `{namespace}:`
  package let prefix: String

  package init(namespace: String) { prefix = "{\(namespace)}:" }

  /// LIST of payloads; producers push left, workers pop right.
  package func queue(_ priority: JobPriority) -> String { prefix + "q:" + priority.rawValue }
  /// LIST of payloads in the hands of a worker, the newest left.
  func processing(_ worker: String) -> String { prefix + "proc:" + worker }
  /// ZSET of workers by their last sign of life, in milliseconds of Redis's clock.
  var workers: String { prefix + "workers" }
  /// HASH of what a worker says of itself; expires.
  func workerInfo(_ worker: String) -> String { prefix + "winfo:" + worker }
  /// HASH of a job that waits, runs or is done; expires. Fields: `s` state (`queued`, `running`, `done`), `q`
  /// list, `w` claim that runs it (worker, `#`, number), `att` deaths of its workers so far, `t0` time of
  /// submission and `t1` of its start in milliseconds, `h` fingerprint, `p` payload while it waits after a
  /// submission, `r` lines of addresses to tell, each with a leading `s` (stream) or `l` (list), `o` the same of those
  /// who only look, `n` how often one was added later, `d` address that was told by a worker from which the job had been taken, `b` there if the result
  /// is that of a dead job.
  func job(_ id: JobID) -> String { prefix + "job:" + id.rawValue }
  /// STRING, the result of a job; expires.
  package func result(_ id: JobID) -> String { prefix + "res:" + id.rawValue }
  /// STRING, present if the job is to be cancelled; expires.
  func cancellation(_ id: JobID) -> String { prefix + "cxl:" + id.rawValue }
  /// STREAM of the events for a gateway; expires.
  func inbox(_ gateway: String) -> String { inboxPrefix + gateway }
  /// LIST of jobs that are not to be run again, the newest left; see `DeadEntry`.
  var dead: String { prefix + "dead" }
  /// Present while nothing is to be claimed.
  var paused: String { prefix + "paused" }
  /// HASH of counts in total: `posted` and of these `failed`, `duplicates`, `buried`, `crashes` of workers that ran
  /// a job, `recovered`, `exhausted`, `cancelled`; expires after a month without any.
  var stats: String { prefix + "stats" }
  /// HASH of two readings of `posted`, of the last beat that was at least 5 s after the one before and of that:
  /// `t1` and `t0` in milliseconds, `n1` and `n0`; expires.
  var pace: String { prefix + "pace" }
  /// STRING, written to find out whether writing works; expires.
  var probe: String { prefix + "probe" }
  /// HASH of what is left of a caller's limit: `n` in 60,000ths of a unit, `t` of when that is in milliseconds;
  /// expires when all of it is there again.
  func rate(_ bucket: String) -> String { prefix + "rate:" + bucket }

  /// Requesters that read a list with `BLPOP`.
  var replyPrefix: String { prefix + "reply:" }
  /// Requesters that read a stream.
  var inboxPrefix: String { prefix + "inbox:" }

  /// The address as scripts take it: the key with a leading `s` (stream) or `l` (list), or nothing. Results are
  /// not announced anywhere else: only names made for it are ever written to.
  func announcement(_ address: ReplyAddress?) -> String {
    guard let key = address?.rawValue else { return "" }
    if key.hasPrefix(inboxPrefix), key.utf8.count > inboxPrefix.utf8.count { return "s" + key }
    if key.hasPrefix(replyPrefix), key.utf8.count > replyPrefix.utf8.count { return "l" + key }
    return ""
  }
}
