import JobQueue
import Logging

/// Looks whether the server is set up so that it never throws a job away by itself.
package enum RedisServerCheck {
  /// `REDIS_CHECKS`: what to do about a server that may lose jobs.
  package enum Mode: String, Sendable, CaseIterable {
    /// Say so in the log.
    case warn
    /// Don't work with it.
    case require
    case off
  }

  static let command = RedisCommand("INFO")
  private static let oldestVersion = 7

  /// What is wrong with a server, each with its remedy, from what it answers to `INFO`.
  package static func problems(in info: String) -> [String] {
    var fields: [Substring: Substring] = [:]
    for line in info.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon]] = line[line.index(after: colon)...]
    }
    var problems: [String] = []
    if let version = fields["redis_version"],
      let major = version.split(separator: ".").first.flatMap({ Int($0) }),
      major < oldestVersion
    {
      problems.append("Redis is \(version); install 7.0 or newer")
    }
    if let policy = fields["maxmemory_policy"], policy != "noeviction" {
      problems.append(
        "Redis throws jobs away when its memory is used up (maxmemory-policy \(policy)); set it to noeviction"
      )
    }
    if fields["aof_enabled"] == "0" {
      problems.append("Redis forgets jobs when it crashes (appendonly no); set appendonly to yes")
    }
    return problems
  }

  /// Looks at the server of this connection.
  ///
  /// - Returns: why it must not be worked with; nil if it may.
  static func perform(
    on link: RedisLink, mode: Mode, logger: Logger
  ) throws(RedisFailure) -> JobQueueError? {
    if mode == .off { return nil }
    guard let reply = try link.send([command]).first else { return nil }
    // A server that isn't ready has not passed.
    if reply.isTransientError { throw RedisFailure(kind: .connectionLost, message: reply.error ?? "") }
    return verdict(on: reply, mode: mode, logger: logger)
  }

  /// Says what the server's answer shows.
  ///
  /// - Returns: why it must not be worked with; nil if it may.
  static func verdict(on reply: RedisReply, mode: Mode, logger: Logger) -> JobQueueError? {
    if mode == .off { return nil }
    let problems =
      reply.string.map { Self.problems(in: $0) }
      ?? ["Redis doesn't let itself be checked (\(reply.error ?? "no answer")); grant the user +info"]
    for problem in problems { logger.log(level: mode == .require ? .critical : .warning, "\(problem)") }
    guard mode == .require, !problems.isEmpty else { return nil }
    return JobQueueError(
      .invalidConfiguration, problems.joined(separator: "; ") + "; or set REDIS_CHECKS to warn")
  }
}
