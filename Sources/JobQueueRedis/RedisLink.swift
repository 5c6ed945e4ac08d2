import CHiredis
import Glibc
import JobQueue
import Logging

/// One connection, used by one thread at a time; it blocks.
///
/// Connects when first used and again after a failure, each time with a new context: the old one may still hold
/// half an answer, and hiredis's own reconnect forgets timeouts, credentials and name.
final class RedisLink {
  private let configuration: RedisConfiguration
  private let name: String
  private let scripts: [RedisScript]
  private let replyTimeout: Duration
  private let logger: Logger
  private var context: UnsafeMutablePointer<redisContext>?
  private var hashes: [RedisScript: [UInt8]] = [:]
  private var backoff: Backoff
  private var isClosed = false
  /// Counts connections; a change tells that answers may have been lost.
  private(set) var connectionCount = 0

  /// - Parameters:
  ///   - name: shown by `CLIENT LIST`.
  ///   - scripts: loaded on every connect.
  ///   - blocking: the longest time that a command asks the server to wait.
  init(
    configuration: RedisConfiguration, name: String, scripts: [RedisScript], blocking: Duration = .zero,
    logger: Logger
  ) {
    self.configuration = configuration
    self.name = name
    self.scripts = scripts
    self.logger = logger
    replyTimeout = configuration.commandTimeout + blocking
    backoff = Backoff()
    RedisLink.ignoreSIGPIPE
  }

  deinit { disconnect() }

  /// Writing to a connection that the peer has closed must be an error of the write, not the end of the process.
  private static let ignoreSIGPIPE: Void = { signal(SIGPIPE, SIG_IGN) }()

  func close() {
    isClosed = true
    disconnect()
  }

  /// Sends all commands at once and reads all answers. Errors that Redis answers are answers.
  func send(_ commands: [RedisCommand]) throws(RedisFailure) -> [RedisReply] {
    let context = try connected()
    var replies = try exchange(commands.map(encode), on: context)
    // The server forgets scripts when it restarts, fails over or is told to.
    let forgotten = replies.indices.filter { replies[$0].errorCode == "NOSCRIPT" }
    if !forgotten.isEmpty {
      let again = try exchange(forgotten.map { encodeInFull(commands[$0]) }, on: context)
      for (index, reply) in zip(forgotten, again) { replies[index] = reply }
    }
    return replies
  }

  private func encode(_ command: RedisCommand) -> [UInt8] {
    guard let script = command.script, let hash = hashes[script] else { return encodeInFull(command) }
    return command.encoded(after: ["EVALSHA", hash])
  }

  private func encodeInFull(_ command: RedisCommand) -> [UInt8] {
    command.encoded(after: command.script.map { ["EVAL", $0.source] } ?? [])
  }

  // MARK: Connecting

  private func connected() throws(RedisFailure) -> UnsafeMutablePointer<redisContext> {
    if isClosed { throw RedisFailure(kind: .closed, message: "the connection was closed") }
    if let context { return context }
    if let problem = backoff.problem { throw RedisFailure(kind: .notConnected, message: problem) }
    do throws(RedisFailure) {
      let context = try connect()
      self.context = context
      try greet(context)
      if connectionCount > 0 { logger.info("connected to Redis again", metadata: ["name": "\(name)"]) }
      connectionCount += 1
      backoff.reset()
      return context
    } catch {
      disconnect()
      // The address is for the logs: the message may travel to clients.
      let message = "Redis can't be reached: \(error.message)"
      if backoff.note(message) {
        logger.warning("\(message)", metadata: ["name": "\(name)", "address": "\(configuration.endpoint)"])
      }
      throw RedisFailure(kind: .notConnected, message: message)
    }
  }

  private func connect() throws(RedisFailure) -> UnsafeMutablePointer<redisContext> {
    let timeout = timeval(configuration.connectTimeout)
    let created =
      switch configuration.endpoint.address {
      case .tcp(let host, let port): redisConnectWithTimeout(host, Int32(port), timeout)
      case .unix(let path): redisConnectUnixWithTimeout(path, timeout)
      }
    guard let context = created else { throw RedisFailure(kind: .notConnected, message: "no memory") }
    if context.pointee.err != 0 {
      defer { redisFree(context) }
      throw RedisFailure(kind: .notConnected, message: Self.problem(of: context))
    }
    redisSetTimeout(context, timeval(replyTimeout))
    if case .tcp = configuration.endpoint.address { redisEnableKeepAlive(context) }
    return context
  }

  /// Says who we are, and loads the scripts.
  private func greet(_ context: UnsafeMutablePointer<redisContext>) throws(RedisFailure) {
    let endpoint = configuration.endpoint
    if let password = endpoint.password {
      let command = endpoint.user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)
      try demand(command, on: context, "the credentials were refused")
    }
    if endpoint.database != 0 {
      try demand(RedisCommand("SELECT", endpoint.database), on: context, "the database was refused")
    }
    // A user without the right to load scripts or to name connections can still run everything with EVAL.
    let replies = try exchange(
      [RedisCommand("CLIENT", "SETNAME", name).encoded()]
        + scripts.map { RedisCommand("SCRIPT", "LOAD", $0.source).encoded() }, on: context)
    for (script, reply) in zip(scripts, replies.dropFirst()) {
      if let error = reply.error, error.contains("ompil") {
        throw RedisFailure(
          kind: .notConnected, message: "it is too old; Redis 7.0 or newer is needed (\(error))")
      }
      if reply.errorCode == "NOAUTH" || reply.isTransientError {
        throw RedisFailure(kind: .notConnected, message: reply.error ?? "")
      }
      hashes[script] = reply.bytes
    }
  }

  private func demand(
    _ command: RedisCommand, on context: UnsafeMutablePointer<redisContext>, _ complaint: String
  ) throws(RedisFailure) {
    guard let error = try exchange([command.encoded()], on: context).first?.error else { return }
    throw RedisFailure(kind: .notConnected, message: "\(complaint): \(error)")
  }

  private func disconnect() {
    if let context { redisFree(context) }
    context = nil
    hashes = [:]
  }

  // MARK: Exchange

  private func exchange(
    _ commands: [[UInt8]], on context: UnsafeMutablePointer<redisContext>
  ) throws(RedisFailure) -> [RedisReply] {
    for command in commands where !Self.append(command, to: context) { throw lost(context) }
    var replies: [RedisReply] = []
    replies.reserveCapacity(commands.count)
    for _ in commands {
      var raw: UnsafeMutableRawPointer?
      guard redisGetReply(context, &raw) == REDIS_OK, let raw else { throw lost(context) }
      defer { freeReplyObject(raw) }
      replies.append(RedisReply(copying: raw.assumingMemoryBound(to: redisReply.self)))
    }
    return replies
  }

  private static func append(_ command: [UInt8], to context: UnsafeMutablePointer<redisContext>) -> Bool {
    command.withUnsafeBytes { bytes in
      redisAppendFormattedCommand(context, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
        == REDIS_OK
    }
  }

  private func lost(_ context: UnsafeMutablePointer<redisContext>) -> RedisFailure {
    let message =
      "the connection to Redis at \(configuration.endpoint) was lost: \(Self.problem(of: context))"
    logger.warning("\(message)", metadata: ["name": "\(name)"])
    if self.context != nil { disconnect() }
    return RedisFailure(kind: .connectionLost, message: message)
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
