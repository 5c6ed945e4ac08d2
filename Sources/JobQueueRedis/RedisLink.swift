import Glibc
import JobQueue
import Logging

/// One connection, used by one thread at a time; it blocks.
///
/// Connects when first used and again after a failure, each time with a new socket: the old one may still
/// hold half an answer, and hiredis's own reconnect forgets timeouts, credentials and name.
final class RedisLink {
  private static let maxRedirections = 5

  private let configuration: RedisConfiguration
  private let name: String
  private let scripts: [RedisScript]
  private let replyTimeout: Duration
  private let logger: Logger
  private var socket: RedisSocket?
  private var hashes: [RedisScript: [UInt8]] = [:]
  private var backoff: Backoff
  private var topology: RedisTopology
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
    topology =
      switch configuration.endpoint.address {
      case .tcp(let server): RedisTopology(seeds: [server], isCluster: false)
      case .cluster(let nodes): RedisTopology(seeds: nodes, isCluster: true)
      case .unix, .sentinel: RedisTopology(seeds: [], isCluster: false)
      }
    RedisLink.ignoreSIGPIPE
  }

  /// Writing to a connection that the peer has closed must be an error of the write, not the end of the process.
  private static let ignoreSIGPIPE: Void = { signal(SIGPIPE, SIG_IGN) }()

  func close() {
    isClosed = true
    disconnect()
  }

  /// Sends all commands at once and reads all answers. Errors that Redis answers are answers.
  func send(_ commands: [RedisCommand]) throws(RedisFailure) -> [RedisReply] {
    let socket = try connected()
    var replies = try exchange(commands.map(encode), on: socket)
    // The server forgets scripts when it restarts, fails over or is told to.
    let forgotten = replies.indices.filter { replies[$0].errorCode == "NOSCRIPT" }
    if !forgotten.isEmpty {
      let again = try exchange(forgotten.map { encodeInFull(commands[$0]) }, on: socket)
      for (index, reply) in zip(forgotten, again) { replies[index] = reply }
    }
    try follow(&replies, of: commands)
    // The server was demoted, or is cut off from its replicas; the next try asks who is the primary now.
    if replies.contains(where: { $0.errorCode == "READONLY" || isCutOff($0) }) { disconnect() }
    if replies.contains(where: { $0.errorCode == "CLUSTERDOWN" }) {
      topology.noteConfusion()
      disconnect()
    }
    return replies
  }

  /// Where sentinels watch, they may have named another primary.
  private func isCutOff(_ reply: RedisReply) -> Bool {
    guard case .sentinel = configuration.endpoint.address else { return false }
    return reply.errorCode == "NOREPLICAS"
  }

  // MARK: Redirections

  /// Repeats what a node of a cluster refused to do, where it said. If that leads nowhere (the node that is
  /// named died, and none has taken its place yet), it is as if the connection was lost: all is to be tried
  /// again.
  private func follow(_ replies: inout [RedisReply], of commands: [RedisCommand]) throws(RedisFailure) {
    for index in replies.indices where replies[index].errorCode == "ASK" {
      guard let node = redirection(in: replies[index]) else { continue }
      replies[index] = try askOnce(commands[index], at: node)
    }
    for _ in 0..<Self.maxRedirections {
      let moved = replies.indices.filter { replies[$0].errorCode == "MOVED" }
      guard let first = moved.first else { return }
      guard let node = redirection(in: replies[first]) else { break }
      // All keys of a queue are in one slot, so one node has them all.
      disconnect()
      topology.noteRedirection(to: node)
      let socket = try connected()
      guard topology.current == node else {
        throw RedisFailure(
          kind: .connectionLost, message: "the node of the cluster that has the queue, \(node), is away")
      }
      let again = try exchange(moved.map { encode(commands[$0]) }, on: socket)
      for (index, reply) in zip(moved, again) { replies[index] = reply }
    }
    if replies.contains(where: { $0.errorCode == "MOVED" }) {
      throw RedisFailure(
        kind: .connectionLost, message: "the nodes of the cluster don't agree on who has the queue")
    }
  }

  /// `MOVED <slot> <host:port>` and `ASK <slot> <host:port>`.
  private func redirection(in reply: RedisReply) -> HostAndPort? {
    (reply.error?.split(separator: " ").last).flatMap {
      HostAndPort(redirection: $0, from: topology.current)
    }
  }

  /// While a slot is on its way to another node, what has gone already is asked for there.
  private func askOnce(_ command: RedisCommand, at node: HostAndPort) throws(RedisFailure) -> RedisReply {
    let socket = try open(node)
    try authenticate(socket)
    let replies = try exchange([RedisCommand("ASKING").encoded(), encodeInFull(command)], on: socket)
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

  private func connected() throws(RedisFailure) -> RedisSocket {
    if isClosed { throw RedisFailure(kind: .closed, message: "the connection was closed") }
    if let socket { return socket }
    if let problem = backoff.problem { throw RedisFailure(kind: .notConnected, message: problem) }
    do throws(RedisFailure) {
      let socket = try connect()
      self.socket = socket
      if connectionCount > 0 {
        RedisReconnects.add()
        logger.info("connected to Redis again", metadata: ["name": "\(name)"])
      }
      connectionCount += 1
      backoff.reset()
      return socket
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

  private func connect() throws(RedisFailure) -> RedisSocket {
    switch configuration.endpoint.address {
    case .unix(let path):
      let socket = try RedisSocket(
        path: path, connectTimeout: configuration.connectTimeout, replyTimeout: replyTimeout)
      try greet(socket)
      return socket
    case .tcp, .cluster: return try connect(toFirstOf: topology.candidates)
    case .sentinel(let sentinels, let name):
      return try connect(toFirstOf: [try primary(named: name, by: sentinels)])
    }
  }

  /// One that can be reached but won't do (it starts, it refuses us) is passed over like one that is away.
  private func connect(toFirstOf servers: [HostAndPort]) throws(RedisFailure) -> RedisSocket {
    var failure = RedisFailure(kind: .notConnected, message: "no server is named")
    for server in servers {
      do throws(RedisFailure) {
        let socket = try open(server)
        topology.noteConnected(to: server)
        try greet(socket)
        return socket
      } catch {
        topology.noteFailure(of: server)
        failure = error
      }
    }
    throw failure
  }

  private func open(_ server: HostAndPort) throws(RedisFailure) -> RedisSocket {
    try RedisSocket(to: server, connectTimeout: configuration.connectTimeout, replyTimeout: replyTimeout)
  }

  /// Asks the sentinels one after the other.
  private func primary(
    named name: String, by sentinels: [HostAndPort]
  ) throws(RedisFailure) -> HostAndPort {
    var problem = ""
    for sentinel in sentinels {
      do throws(RedisFailure) {
        let socket = try open(sentinel)
        let question = RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        let reply = try exchange([question.encoded()], on: socket).first
        let words = reply?.array?.compactMap(\.string) ?? []
        if words.count == 2, let port = Int(words[1]) { return HostAndPort(host: words[0], port: port) }
        problem = reply?.error ?? "it knows no primary named \(name)"
      } catch {
        problem = error.message
      }
    }
    throw RedisFailure(kind: .notConnected, message: "no sentinel names the primary \(name): \(problem)")
  }

  /// Says who we are, and loads the scripts.
  private func greet(_ socket: RedisSocket) throws(RedisFailure) {
    hashes = [:]
    try authenticate(socket)
    if configuration.endpoint.database != 0 {
      let command = RedisCommand("SELECT", configuration.endpoint.database)
      try demand(command, on: socket, "the database was refused")
    }
    if case .sentinel = configuration.endpoint.address {
      let role = try exchange([RedisCommand("ROLE").encoded()], on: socket).first
      guard role?.array?.first?.string == "master" else {
        throw RedisFailure(
          kind: .notConnected,
          message: role?.error
            ?? "what the sentinels name as the primary is a replica; a failover is under way")
      }
    }
    if topology.isCluster {
      // A user without the right to ask still has the servers that were named.
      topology.learn(from: try exchange([RedisCommand("CLUSTER", "SLOTS").encoded()], on: socket).first)
    }
    // A user without the right to load scripts or to name connections can still run everything with EVAL.
    let replies = try exchange(
      [RedisCommand("CLIENT", "SETNAME", name).encoded()]
        + scripts.map { RedisCommand("SCRIPT", "LOAD", $0.source).encoded() }, on: socket)
    for (script, reply) in zip(scripts, replies.dropFirst()) {
      if let error = reply.error, error.hasPrefix("ERR Error compiling script") {
        throw RedisFailure(
          kind: .notConnected, message: "it is too old; Redis 7.0 or newer is needed (\(error))")
      }
      if reply.errorCode == "NOAUTH" || reply.isTransientError {
        throw RedisFailure(kind: .notConnected, message: reply.error ?? "")
      }
      hashes[script] = reply.bytes
    }
  }

  private func authenticate(_ socket: RedisSocket) throws(RedisFailure) {
    guard let password = try configuration.password() else { return }
    let command =
      configuration.endpoint.user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)
    try demand(command, on: socket, "the credentials were refused")
  }

  private func demand(
    _ command: RedisCommand, on socket: RedisSocket, _ complaint: String
  ) throws(RedisFailure) {
    guard let error = try exchange([command.encoded()], on: socket).first?.error else { return }
    throw RedisFailure(kind: .notConnected, message: "\(complaint): \(error)")
  }

  private func disconnect() {
    socket = nil
    hashes = [:]
  }

  /// The connection of this link is given up when it breaks; one that was made for a single question just
  /// ends.
  private func exchange(_ commands: [[UInt8]], on socket: RedisSocket) throws(RedisFailure) -> [RedisReply] {
    do throws(RedisFailure) {
      return try socket.exchange(commands)
    } catch {
      // The address is for the logs: the message may travel to clients.
      let message = "the connection to Redis was lost: \(error.message)"
      logger.warning("\(message)", metadata: ["name": "\(name)", "address": "\(configuration.endpoint)"])
      if self.socket === socket { disconnect() }
      throw RedisFailure(kind: error.kind, message: message)
    }
  }
}
