import Gateway
import HTTPTypes
import HummingbirdTesting
import JobQueue
import JobWire
import NIOCore
import NIOPosix
import Testing

/// What happens on the socket: clients that leave, and clients that take too long.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
  /// Sends `text` over a connection of its own and returns what comes back until the server closes it.
  static func exchange(port: Int, _ text: String) async throws -> String {
    let channel = try await connect(port: port)
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(string: text))
      var received = ""
      do {
        for try await buffer in inbound { received += String(buffer: buffer) }
      } catch is IOError {
        // Closed by the server while something was still on its way to it.
      }
      return received
    }
  }

  static func connect(port: Int) async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
      }
  }

  static func post(_ body: String, headers: String = "") -> String {
    "POST /generate HTTP/1.1\r\nhost: localhost\r\n\(headers)content-length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  /// Sends a request, waits until its job is accepted, and goes away.
  static func sendAndLeave(port: Int, _ text: String, queue: ScriptedQueue) async throws {
    try await connect(port: port).executeThenClose { _, outbound in
      try await outbound.write(ByteBuffer(string: text))
      // The second call is made while the request waits.
      for await call in queue.calls where call == .state { break }
    }
  }

  static func fixture() -> (GatewayFixture, ScriptedQueue) {
    var fixture = GatewayFixture()
    let queue = ScriptedQueue(fixture.memory)
    fixture.queue = queue
    fixture.configuration.recheckInterval = .milliseconds(1)
    return (fixture, queue)
  }

  @Test("A client that leaves takes its job with it")
  func clientLeaves() async throws {
    let (fixture, queue) = Self.fixture()
    let memory = fixture.memory
    try await fixture.run(.live) { client in
      let port = try #require(client.client.port)
      let id = try #require(JobID("x1"))
      try await Self.sendAndLeave(port: port, Self.post(#"{"prompt":"a","id":"x1"}"#), queue: queue)
      let result = try JobResult.decode(try await memory.waitForResult(of: id))
      #expect(result.status == .cancelled)
    }
  }

  @Test("A client that sent an Idempotency-Key and leaves finds its job going on")
  func clientComesBack() async throws {
    let (fixture, queue) = Self.fixture()
    let memory = fixture.memory
    try await fixture.run(.live) { client in
      let port = try #require(client.client.port)
      let id = try #require(JobID("x1"))
      let body = #"{"prompt":"a"}"#
      try await Self.sendAndLeave(
        port: port, Self.post(body, headers: "idempotency-key: x1\r\n"), queue: queue)
      async let reply = client.generate(body, headers: [("idempotency-key", "x1")])
      let claimed = try await memory.claim(upTo: 1, waiting: .seconds(30))
      let job = try #require(claimed.first)
      #expect(try await memory.start(job, id: id, timeToLive: nil) != .cancelled)
      let result = GatewayFixture.completed(JobRequest(id: "x1", prompts: [.text("a")]))
      _ = try await memory.post(job, id: id, result: result.encode(), replyTo: nil)
      let status = try await reply.status
      #expect(status == 200)
    }
  }

  @Test(
    "A client that leaves takes no job from another that waits for it or means to come back",
    arguments: [1, 2])
  func sharedJob(leaving: Int) async throws {
    let (fixture, _) = Self.fixture()
    let memory = fixture.memory
    try await fixture.run(.live) { client in
      let (plain, keeper) = (try await Connection(client), try await Connection(client))
      try await plain.send(Self.post(#"{"prompt":"a","id":"x1"}"#))
      let worker = try await HandWorker.take(from: memory)
      try await keeper.send(Self.post(#"{"prompt":"a"}"#, headers: "idempotency-key: x1\r\n"))
      while try await worker.emit(0, ["A"]) == .delivered(attachments: 0) { await Task.yield() }
      for connection in [keeper, plain].suffix(leaving) {
        connection.leave()
        try await Task.sleep(for: .milliseconds(30))
      }
      #expect(try await worker.emit(0, ["A"]) == .delivered(attachments: 1))
    }
  }

  @Test("A connection that says nothing is closed")
  func silence() async throws {
    var (fixture, _) = Self.fixture()
    fixture.configuration.headerTimeout = .milliseconds(20)
    try await fixture.run(.live) { client in
      let received = try await Self.exchange(port: try #require(client.client.port), "GET /health HT")
      #expect(received == "")
    }
  }

  @Test("A body that doesn't end is cut off")
  func slowBody() async throws {
    var (fixture, _) = Self.fixture()
    fixture.configuration.bodyTimeout = .milliseconds(20)
    try await fixture.run(.live) { client in
      let text = "POST /generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"
      let received = try await Self.exchange(port: try #require(client.client.port), text)
      #expect(!received.hasPrefix("HTTP/1.1 200"))
    }
  }

  @Test("A connection that is idle between two requests is closed")
  func idle() async throws {
    var (fixture, _) = Self.fixture()
    fixture.configuration.idleTimeout = .seconds(1)
    try await fixture.run(.live) { client in
      let received = try await Self.exchange(
        port: try #require(client.client.port), "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
      #expect(received.hasPrefix("HTTP/1.1 200"))
    }
  }

  @Test("A connection serves one request after another")
  func keepAlive() async throws {
    var fixture = GatewayFixture(answer: GatewayFixture.completed)
    fixture.configuration.idleTimeout = .seconds(30)
    try await fixture.run(.live) { client in
      let request = Self.post(#"{"prompt":"a"}"#)
      let last = Self.post(#"{"prompt":"b"}"#, headers: "connection: close\r\n")
      let received = try await Self.exchange(port: try #require(client.client.port), request + request + last)
      #expect(received.split(separator: "HTTP/1.1 200").count == 3)
    }
  }

  @Test("A body in chunks is refused once it is over the limit")
  func chunks() async throws {
    let (fixture, _) = Self.fixture()
    try await fixture.run(.live) { client in
      let chunk = "10000\r\n\(String(repeating: " ", count: 65_536))\r\n"
      let text =
        "POST /generate HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        + String(repeating: chunk, count: 5) + "0\r\n\r\n"
      let received = try await Self.exchange(port: try #require(client.client.port), text)
      #expect(received.hasPrefix("HTTP/1.1 413"))
    }
  }

  @Test("The answer to HEAD has no body, whatever it is, so that the next response is read right")
  func head() async throws {
    let (fixture, _) = Self.fixture()
    try await fixture.run(.live) { client in
      let request = { (path: String, more: String) in
        "HEAD \(path) HTTP/1.1\r\nhost: localhost\r\n\(more)\r\n"
      }
      let received = try await Self.exchange(
        port: try #require(client.client.port),
        request("/generate", "") + request("/health", "connection: close\r\n"))
      #expect(received.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["405", "200"])
      #expect(!received.contains("{"))
    }
  }

  @Test("A client that asks before it sends a body is told to go on")
  func asksFirst() async throws {
    let fixture = GatewayFixture(answer: GatewayFixture.completed)
    try await fixture.run(.live) { client in
      let received = try await Self.exchange(
        port: try #require(client.client.port),
        Self.post(#"{"prompt":"a"}"#, headers: "expect: 100-continue\r\nconnection: close\r\n"))
      #expect(received.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["100", "200"])
    }
  }

  @Test("A header that is too large is refused, and what is allowed is said")
  func largeHeader() async throws {
    var (fixture, _) = Self.fixture()
    fixture.configuration.maxHeaderBytes = 2048
    try await fixture.run(.live) { client in
      let port = try #require(client.client.port)
      func header(bytes: Int) -> String {
        "GET /health HTTP/1.1\r\nconnection: close\r\nx-a: \(String(repeating: "a", count: bytes))\r\n\r\n"
      }
      #expect(try await Self.exchange(port: port, header(bytes: 1900)).hasPrefix("HTTP/1.1 200"))
      let refused = try await Self.exchange(port: port, header(bytes: 3000))
      #expect(refused.hasPrefix("HTTP/1.1 431"))
      #expect(try Self.error(in: refused)["code"] == .string("header_too_large"))
      #expect(try Self.error(in: refused)["message"]?.stringValue?.contains("2048 bytes") == true)
    }
  }

  @Test(
    "What is no HTTP gets an error that says so",
    arguments: [
      ("hello\r\n\r\n", "method"), ("GET /health HTTP/9.9.9\r\n\r\n", "version"),
      ("GET /health HTTP/1.1\r\nno field\r\n\r\n", "header"),
      ("POST /generate HTTP/1.1\r\ncontent-length: many\r\n\r\n", "content-length"),
      ("GET /health HTTP/1.1\r\n\r\n\u{16}\u{3}\u{1}\r\n\r\n", "method"),
    ])
  func noHTTP(text: String, problem: String) async throws {
    let (fixture, _) = Self.fixture()
    try await fixture.run(.live) { client in
      let received = try await Self.exchange(port: try #require(client.client.port), text)
      let error = try Self.error(in: received)
      #expect(error["code"] == .string("malformed_http"))
      #expect(error["message"]?.stringValue?.contains(problem) == true)
    }
  }

  @Test("A body that is no HTTP any more is the client's fault")
  func brokenChunks() async throws {
    let (fixture, _) = Self.fixture()
    try await fixture.run(.live) { client in
      let received = try await Self.exchange(
        port: try #require(client.client.port),
        "POST /generate HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
      #expect(received.hasPrefix("HTTP/1.1 400"))
      #expect(received.ranges(of: "HTTP/1.1 ").count == 1, "one answer")
      #expect(try Self.error(in: received)["code"] == .string("malformed_http"))
    }
  }

  @Test(
    "A client of HTTP/1.0 is answered without chunks, and its connection ends unless it asked to keep it",
    arguments: [("", "close"), ("connection: keep-alive\r\n", "keep-alive")])
  func oldClients(header: String, connection: String) async throws {
    var fixture = GatewayFixture { GatewayFixture.completed($0) }
    fixture.configuration.idleTimeout = .milliseconds(100)
    try await fixture.run(.live) { client in
      let port = try #require(client.client.port)
      let health = try await Self.exchange(port: port, "GET /health HTTP/1.0\r\n\(header)\r\n")
      #expect(health.hasPrefix("HTTP/1.0 200"))
      #expect(health.lowercased().contains("connection: \(connection)"))
      let body = #"{"prompt":"a","stream":true}"#
      let stream = try await Self.exchange(
        port: port, "POST /generate HTTP/1.0\r\n\(header)content-length: \(body.utf8.count)\r\n\r\n\(body)")
      #expect(stream.lowercased().contains("connection: close"))
      #expect(!stream.lowercased().contains("transfer-encoding"))
      #expect(stream.hasSuffix("data: [DONE]\n\n"))
    }
  }

  /// The error that is the body of the last of some responses.
  private static func error(in responses: String) throws -> JSONValue {
    let body = try #require(responses.ranges(of: "\r\n\r\n{").last?.upperBound)
    let json = try JSONValue(parsing: Array(("{" + responses[body...]).utf8))
    return try #require(json["error"])
  }

  @Test("An address has so many connections and no more, until one of them ends")
  func connectionsOfOneAddress() async throws {
    var fixture = GatewayFixture()
    fixture.configuration.maxConnectionsPerAddress = 2
    try await fixture.run(.live) { client in
      // The fixture's own connection is one of them.
      let health = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
      #expect(try await client.send(.get, "/health").status == 200)
      let second = try await Connection(client)
      try await second.send(health)
      #expect(try await second.reads(until: "ok"))
      let third = try await Connection(client)
      try? await third.send(health)
      #expect(try await third.reads(until: "ok") == false)
      second.leave()
      while true {
        let next = try await Connection(client)
        try? await next.send(health)
        if try await next.reads(until: "ok") { break }
      }
    }
  }
}
