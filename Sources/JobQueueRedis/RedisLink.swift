import CHiredis
import Glibc
import JobQueue
import Logging

/// One connection, used by one thread at a time; it blocks.
///
/// Connects when first used and again after a failure, each time with a new context: the old one may still hold
/// half an answer, and hiredis's own reconnect forgets timeouts, credentials and name.
final class RedisLink {
  private static let maxRedirections = 5

  private let configuration: RedisConfiguration
  private let name: String
  private let scripts: [RedisScript]
  private let replyTimeout: Duration
  private let logger: Logger
  private var context: UnsafeMutablePointer<redisContext>?
  private var hashes: [RedisScript: [UInt8]] = [:]
  private var backoff: Backoff
  /// The node of a cluster that was named as the right one.
  private var redirection: HostAndPort?
  private var server: HostAndPort?
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
    try follow(&replies, of: commands)
    // The server was demoted; the next try asks who is the primary now.
    if replies.contains(where: { $0.errorCode == "READONLY" }) { disconnect() }
    return replies
  }

  /// Repeats what a node of a cluster refused to do, where it said.
  private func follow(_ replies: inout [RedisReply], of commands: [RedisCommand]) throws(RedisFailure) {
    for index in replies.indices where replies[index].errorCode == "ASK" {
      guard let node = redirection(in: replies[index]) else { continue }
      replies[index] = try askOnce(commands[index], at: node)
    }
    for _ in 0..<Self.maxRedirections {
      let moved = replies.indices.filter { replies[$0].errorCode == "MOVED" }
      guard let first = moved.first, let node = redirection(in: replies[first]) else { return }
      // All keys of a queue are in one slot, so one node has them all.
      disconnect()
      redirection = node
      let context = try connected()
      let again = try exchange(moved.map { encode(commands[$0]) }, on: context)
      for (index, reply) in zip(moved, again) { replies[index] = reply }
    }
  }

  /// `MOVED <slot> <host:port>` and `ASK <slot> <host:port>`.
  private func redirection(in reply: RedisReply) -> HostAndPort? {
    (reply.error?.split(separator: " ").last).flatMap { HostAndPort(redirection: $0, from: server) }
  }

  /// While a slot is on its way to another node, what has gone already is asked for there.
  private func askOnce(_ command: RedisCommand, at node: HostAndPort) throws(RedisFailure) -> RedisReply {
    let context = try open(node)
    defer { redisFree(context) }
    try authenticate(context)
    let replies = try exchange([RedisCommand("ASKING").encoded(), encodeInFull(command)], on: context)
    return replies.last ?? .null
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
    server = nil
    switch configuration.endpoint.address {
    case .unix(let path):
      return try prepared(redisConnectUnixWithTimeout(path, timeval(configuration.connectTimeout)))
    case .tcp(let address): return try connect(toFirstOf: [address])
    case .cluster(let nodes): return try connect(toFirstOf: nodes)
    case .sentinel(let sentinels, let name):
      return try connect(toFirstOf: [try primary(named: name, by: sentinels)])
    }
  }

  /// A redirection is tried once: the node may be gone by now, and others know who took its place.
  private func connect(
    toFirstOf nodes: [HostAndPort]
  ) throws(RedisFailure) -> UnsafeMutablePointer<redisContext> {
    var failure = RedisFailure(kind: .notConnected, message: "no server is named")
    for node in (redirection.map { [$0] } ?? []) + nodes {
      redirection = nil
      do throws(RedisFailure) {
        let context = try open(node)
        server = node
        return context
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private func open(_ server: HostAndPort) throws(RedisFailure) -> UnsafeMutablePointer<redisContext> {
    let context = try prepared(
      redisConnectWithTimeout(server.host, Int32(server.port), timeval(configuration.connectTimeout)))
    redisEnableKeepAlive(context)
    return context
  }

  /// Asks the sentinels one after the other.
  private func primary(
    named name: String, by sentinels: [HostAndPort]
  ) throws(RedisFailure) -> HostAndPort {
    var problem = ""
    for sentinel in sentinels {
      do throws(RedisFailure) {
        let context = try open(sentinel)
        defer { redisFree(context) }
        let question = RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        let reply = try exchange([question.encoded()], on: context).first
        let words = reply?.array?.compactMap(\.string) ?? []
        if words.count == 2, let port = Int(words[1]) { return HostAndPort(host: words[0], port: port) }
        problem = reply?.error ?? "it knows no primary named \(name)"
      } catch {
        problem = error.message
      }
    }
    throw RedisFailure(kind: .notConnected, message: "no sentinel names the primary \(name): \(problem)")
  }

  private func prepared(
    _ created: UnsafeMutablePointer<redisContext>?
  ) throws(RedisFailure) -> UnsafeMutablePointer<redisContext> {
    guard let context = created else { throw RedisFailure(kind: .notConnected, message: "no memory") }
    if context.pointee.err != 0 {
      defer { redisFree(context) }
      throw RedisFailure(kind: .notConnected, message: Self.problem(of: context))
    }
    redisSetTimeout(context, timeval(replyTimeout))
    return context
  }

  /// Says who we are, and loads the scripts.
  private func greet(_ context: UnsafeMutablePointer<redisContext>) throws(RedisFailure) {
    try authenticate(context)
    if configuration.endpoint.database != 0 {
      let command = RedisCommand("SELECT", configuration.endpoint.database)
      try demand(command, on: context, "the database was refused")
    }
    if case .sentinel = configuration.endpoint.address {
      let role = try exchange([RedisCommand("ROLE").encoded()], on: context).first
      guard role?.array?.first?.string == "master" else {
        throw RedisFailure(
          kind: .notConnected,
          message: role?.error
            ?? "what the sentinels name as the primary is a replica; a failover is under way")
      }
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

  private func authenticate(_ context: UnsafeMutablePointer<redisContext>) throws(RedisFailure) {
    guard let password = try password() else { return }
    let command =
      configuration.endpoint.user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)
    try demand(command, on: context, "the credentials were refused")
  }

  private func password() throws(RedisFailure) -> String? {
    guard let path = configuration.passwordFile else { return configuration.endpoint.password }
    guard let file = fopen(path, "re") else {
      throw RedisFailure(
        kind: .notConnected, message: "REDIS_PASSWORD_FILE can't be read: \(String(cString: strerror(errno)))"
      )
    }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    let length = getline(&line, &capacity, file)
    defer { free(line) }
    let password = line.map { String(cString: $0).prefix { $0 != "\n" && $0 != "\r\n" } } ?? ""
    guard length > 0, !password.isEmpty else {
      throw RedisFailure(
        kind: .notConnected, message: "REDIS_PASSWORD_FILE has no password in its first line")
    }
    return String(password)
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
