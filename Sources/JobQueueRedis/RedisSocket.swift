import CHiredis
import Glibc

/// One connection of hiredis, open until this object goes. It blocks.
final class RedisSocket {
  private let context: UnsafeMutablePointer<redisContext>

  /// - Parameter replyTimeout: the longest wait for one answer.
  init(
    to server: HostAndPort, connectTimeout: Duration, replyTimeout: Duration
  ) throws(RedisFailure) {
    context = try Self.prepared(
      redisConnectWithTimeout(server.host, Int32(server.port), timeval(connectTimeout)), replyTimeout)
    redisEnableKeepAlive(context)
  }

  init(path: String, connectTimeout: Duration, replyTimeout: Duration) throws(RedisFailure) {
    context = try Self.prepared(
      redisConnectUnixWithTimeout(path, timeval(connectTimeout)), replyTimeout)
  }

  deinit { redisFree(context) }

  private static func prepared(
    _ created: UnsafeMutablePointer<redisContext>?, _ replyTimeout: Duration
  ) throws(RedisFailure) -> UnsafeMutablePointer<redisContext> {
    guard let context = created else { throw RedisFailure(kind: .notConnected, message: "no memory") }
    if context.pointee.err != 0 {
      defer { redisFree(context) }
      throw RedisFailure(kind: .notConnected, message: problem(of: context))
    }
    redisSetTimeout(context, timeval(replyTimeout))
    return context
  }

  /// Sends all commands at once and reads all answers. After a failure the connection is of no more use: it
  /// may hold half an answer.
  func exchange(_ commands: [[UInt8]]) throws(RedisFailure) -> [RedisReply] {
    for command in commands where !append(command) { throw lost() }
    var replies: [RedisReply] = []
    replies.reserveCapacity(commands.count)
    for _ in commands {
      var raw: UnsafeMutableRawPointer?
      guard redisGetReply(context, &raw) == REDIS_OK, let raw else { throw lost() }
      defer { freeReplyObject(raw) }
      replies.append(RedisReply(copying: raw.assumingMemoryBound(to: redisReply.self)))
    }
    return replies
  }

  private func append(_ command: [UInt8]) -> Bool {
    command.withUnsafeBytes { bytes in
      redisAppendFormattedCommand(context, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
        == REDIS_OK
    }
  }

  private func lost() -> RedisFailure {
    RedisFailure(kind: .connectionLost, message: Self.problem(of: context))
  }

  private static func problem(of context: UnsafeMutablePointer<redisContext>) -> String {
    if context.pointee.err == REDIS_ERR_IO, errno == EAGAIN { return "no answer in time" }
    return withUnsafeBytes(of: context.pointee.errstr) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

extension timeval {
  fileprivate init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
  }
}
