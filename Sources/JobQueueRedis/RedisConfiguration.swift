package import JobQueue

/// Where the queue is and how it behaves there.
///
/// Configuration keys:
/// - `REDIS_URL`: `redis://[user[:password]@]host[:port][/database]`, `redis+unix:///path/to/socket`,
///   `redis+sentinel://host[:port][,…]/name` or `redis+cluster://host[:port][,…]`.
/// - `REDIS_PASSWORD_FILE`: a file whose first line is the password.
/// - `REDIS_CHECKS`: whether a server that may lose jobs is only warned of (`warn`, the default), refused
///   (`require`) or not looked at (`off`).
/// - `QUEUE_NAMESPACE`: the hash tag that all keys begin with; `[A-Za-z0-9_.:-]{1,64}`, default `gpt2`.
/// - `SHARDS`: over how many hash tags the queue is spread, 1 to 64, default 1; see `Shards`.
/// - `LEASE_SECONDS`: a worker that gave no sign of life for so long loses its jobs; default 15.
/// - `MAX_ATTEMPTS`: how many workers may die of a job before it is buried; default 3.
/// - `QUEUE_CAP`, `RESULT_TTL_SECONDS`, `DEAD_CAP`, `DEAD_TTL_SECONDS`: see `QueueLimits`.
package struct RedisConfiguration: Sendable, Equatable {
  package var endpoint = RedisEndpoint()
  /// Read at every connect, so that a new password is picked up.
  package var passwordFile: String?
  package var checks = RedisServerCheck.Mode.warn
  package var namespace = "gpt2"
  package var shards = 1
  package var limits = QueueLimits()
  package var lease = Duration.seconds(15)
  package var maxAttempts = 3

  /// Time between two signs of life; at most a third of the lease.
  package var beatInterval = Duration.seconds(2)
  /// Time between two searches for dead workers, before jitter.
  package var sweepInterval = Duration.milliseconds(2_500)
  /// Time between two looks at the lists that can't be waited on.
  package var pollInterval = Duration.milliseconds(150)
  package var connectTimeout = Duration.seconds(2)
  /// How long Redis may take for one answer; the connection counts as lost after that.
  package var commandTimeout = Duration.seconds(5)
  /// How long an operation of a producer is tried again while Redis can't be reached.
  package var producerPatience = Duration.seconds(5)
  /// How long a worker tries to hand in what it has computed while Redis can't be reached.
  package var consumerPatience = Duration.seconds(60)
  /// How long a job is remembered that neither finishes nor runs.
  package var jobTimeToLive = Duration.seconds(24 * 3600)
  /// How long a wish to cancel is remembered.
  package var cancelTimeToLive = Duration.seconds(300)
  /// How long the events for a gateway are kept after the gateway died.
  package var inboxTimeToLive = Duration.seconds(60)
  /// About how many events are kept for a gateway that doesn't read.
  package var inboxCapacity = 4096

  package init() {}

  /// - Throws: `invalidConfiguration`, naming the setting and what is allowed.
  package init(url: String) throws(JobQueueError) {
    endpoint = try RedisEndpoint(url: url)
  }

  /// - Throws: `invalidConfiguration`, naming the setting and what is allowed.
  package func validate() throws(JobQueueError) {
    try limits.validate()
    if endpoint.user != nil, endpoint.password == nil, passwordFile == nil {
      throw invalid("REDIS_URL names a user but no password; add it, or set REDIS_PASSWORD_FILE")
    }
    if endpoint.password != nil, passwordFile != nil {
      throw invalid("both REDIS_URL and REDIS_PASSWORD_FILE give a password; only one may")
    }
    let isPlain = namespace.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"): true
      default: "_.:-".utf8.contains(byte)
      }
    }
    guard isPlain, (1...64).contains(namespace.utf8.count) else {
      throw invalid("QUEUE_NAMESPACE must be 1 to 64 letters, digits, or any of _ . : -")
    }
    guard (1...64).contains(shards) else { throw invalid("SHARDS is \(shards); allowed are 1 to 64") }
    guard maxAttempts >= 1 else { throw invalid("MAX_ATTEMPTS is \(maxAttempts); it must be at least 1") }
    guard lease >= .milliseconds(100) else {
      throw invalid("LEASE_SECONDS is \(lease); it must be more than 0")
    }
    guard beatInterval > .zero, beatInterval * 3 <= lease else {
      throw invalid("LEASE_SECONDS is \(lease); it must be at least three times the beat of \(beatInterval)")
    }
    for (name, value) in [
      ("sweep interval", sweepInterval), ("poll interval", pollInterval), ("connect timeout", connectTimeout),
      ("command timeout", commandTimeout), ("lifetime of jobs", jobTimeToLive),
      ("lifetime of cancellations", cancelTimeToLive), ("lifetime of inboxes", inboxTimeToLive),
    ] where value < .milliseconds(1) {
      throw invalid("the \(name) is \(value); it must be at least a millisecond")
    }
    guard inboxCapacity >= 1 else { throw invalid("the capacity of an inbox must be at least 1") }
  }

  private func invalid(_ message: String) -> JobQueueError { JobQueueError(.invalidConfiguration, message) }
}
