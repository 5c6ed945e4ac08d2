import Logging

/// Looks whether the server is set up so that it never throws a job away by itself.
enum RedisServerCheck {
  static let commands = [
    RedisCommand("CONFIG", "GET", "maxmemory"), RedisCommand("CONFIG", "GET", "maxmemory-policy"),
  ]

  /// Warns of a policy that evicts keys: lists of jobs are keys. Says nothing if asking isn't allowed.
  static func report(_ replies: [RedisReply], to logger: Logger) {
    guard replies.count == 2, let limit = replies[0].pairs.first?.value.integer,
      let policy = replies[1].pairs.first?.value.string, policy != "noeviction"
    else { return }
    logger.log(
      level: limit > 0 ? .critical : .warning,
      "Redis will throw jobs away when its memory is used up; set maxmemory-policy to noeviction",
      metadata: ["maxmemory-policy": "\(policy)", "maxmemory": "\(limit)"])
  }
}
