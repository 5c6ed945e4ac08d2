import FoundationEssentials
import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

/// The users that the compose file makes, on a server that knows no others.
@Suite("Rights on Redis", .timeLimit(.minutes(1)))
final class AccessTests: Sendable {
  private let folder: String
  private let server: RedisTestServer

  init() throws {
    folder = "/tmp/gpt2-acl-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let script =
      #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/compose/redis/make-acl.sh"
    try Shell.run([
      "/usr/bin/env", "SECRETS_DIR=\(folder)", "ACL_FILE=\(folder)/users.acl", "/bin/sh", script,
    ])
    server = try RedisTestServer(
      appendOnly: true, arguments: ["--aclfile", "\(folder)/users.acl", "--appendfsync", "always"])
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func fixture(_ user: String) throws -> RedisFixture {
    var fixture = try RedisFixture(on: server)
    fixture.configuration.namespace = "gpt2"
    fixture.configuration.endpoint = try RedisEndpoint(url: "redis://\(user)@127.0.0.1:\(server.port)")
    fixture.configuration.passwordFile = "\(folder)/\(user)/password"
    fixture.configuration.maxAttempts = 1
    return fixture
  }

  private func probe(_ user: String) throws -> RedisProbe {
    let probe = try server.probe()
    let password = try String(contentsOfFile: "\(folder)/\(user)/password", encoding: .utf8)
    #expect(try probe.send("AUTH", user, password) == .text("OK"))
    return probe
  }

  private func isDenied(_ reply: RedisProbe.Reply) -> Bool {
    if case .error(let message) = reply { message.hasPrefix("NOPERM") } else { false }
  }

  @Test func `The rights of gateway and worker are enough for all that can happen to a job`() async throws {
    let producer = try fixture("gateway").makeProducer()
    let (consumer, other) = (try fixture("worker").makeConsumer(), try fixture("worker").makeConsumer())
    try await withRunning([producer, consumer]) {
      let events = producer.subscribe(to: .test("a"))
      try await submit(.test("a"), to: producer)
      let job = try await claim(consumer)
      #expect(isRun(try await consumer.start(job, id: .test("a"), timeToLive: nil), attempt: 1))
      let piece = JobProgress(
        job: job, id: .test("a"), sequence: 1, body: [1], replyTo: job.envelope?.replyTo)
      #expect(try await consumer.emit(piece) == .delivered())
      try await consumer.release(job)
      let again = try await claim(consumer)
      #expect(isRun(try await consumer.start(again, id: .test("a"), timeToLive: nil), attempt: 1))
      try await consumer.post(again, id: .test("a"), result: [1], replyTo: ReplyAddress("{gpt2}:reply:x"))
      #expect(try await events.result() == [1])
      #expect(try await producer.state(of: .test("a")) == .finished(result: [1]))

      try await submit(.test("b"), to: producer)
      #expect(try await producer.cancel(.test("b"), result: [0]) == .removed)
      try await submit(.test("c"), to: producer)
      try await consumer.bury(
        try await claim(consumer), id: .test("c"), reason: "r", result: [1], replyTo: nil)
      #expect(try await producer.deadJobs(limit: 5).count == 1)
      #expect(try await producer.retryDeadJobs() == 1)
      #expect(try await producer.cancel(.test("c"), result: [0]) == .removed)
      #expect(try await producer.purgeDeadJobs() == 0)
      try await producer.setPaused(true)
      try await producer.setPaused(false)
      let bucket = RateBucket(name: "requests:alice", capacity: 2, refillPerMinute: 1)
      #expect(try await producer.rateLimiter.take(2, from: bucket).isAllowed)
      try await producer.rateLimiter.charge(-2, to: bucket)
      try await until { (try? await producer.ready()) != nil }
      #expect(try await producer.status().workers.count == 1)
      // A worker that is gone: its job is found, and given up after one death.
      try await submit(.test("d"), to: producer)
      let running = Task { try await other.run() }
      _ = try await other.claim(upTo: 1, waiting: .seconds(20))
      running.cancel()
      _ = await running.result
      #expect(try await claim(consumer).attemptsExhausted)
    }
  }

  @Test func `A direct producer can push and read results, and nothing else`() throws {
    let producer = try probe("producer")
    #expect(try producer.send("LPUSH", "{gpt2}:q:default", #"{"id":"x","prompt":"p"}"#) == .integer(1))
    #expect(try producer.send("GET", "{gpt2}:res:x") == .null)
    #expect(try producer.send("XREAD", "STREAMS", "{gpt2}:inbox:producer:x", "0-0") == .null)
    #expect(try producer.send("SET", "{gpt2}:cxl:x", "1", "EX", "1") == .text("OK"))
    for command in [
      ["LRANGE", "{gpt2}:q:default", "0", "-1"], ["RPOP", "{gpt2}:q:default"], ["GET", "{gpt2}:job:x"],
      ["SET", "{gpt2}:res:x", "forged"], ["SET", "{gpt2}:q:default", "x"], ["SET", "{gpt2}:reply:x", "x"],
      ["XREAD", "STREAMS", "{gpt2}:inbox:gateway", "0-0"], ["GET", "{gpt2}:cxl:x"], ["DEL", "{gpt2}:res:x"],
      ["LPUSH", "{gpt2}:dead", "x"],
      ["LPUSH", "other", "x"], ["DEL", "{gpt2}:rate:requests:alice"], ["EVAL", "return 1", "0"],
      ["KEYS", "*"], ["CONFIG", "GET", "*"], ["FLUSHALL"],
    ] { #expect(isDenied(try producer.pipeline([command])[0]), "\(command)") }
  }

  @Test func `The rights reach the shards of the queue, and no other queue of the server`() throws {
    for user in ["gateway", "worker"] {
      let probe = try probe(user)
      for tag in ["gpt2", "gpt2:1", "gpt2:63"] {
        #expect(try probe.send("LLEN", "{\(tag)}:q:default") == .integer(0))
      }
      for tag in ["gpt2-other", "gpt22", "other"] {
        #expect(isDenied(try probe.send("LLEN", "{\(tag)}:q:default")), "\(user) \(tag)")
      }
    }
    let producer = try probe("producer")
    #expect(try producer.send("GET", "{gpt2:1}:res:x") == .null)
    #expect(isDenied(try producer.send("GET", "{gpt2-other}:res:x")))
    #expect(isDenied(try producer.send("LPUSH", "{gpt2-other}:q:default", "x")))
  }

  @Test func `What scripts wrote is there again when the server has read its append-only file`() async throws
  {
    let gateway = try fixture("gateway").makeProducer()
    let running = Task { try await gateway.run() }
    defer { running.cancel() }
    try await submit(.test("kept"), to: gateway)
    #expect(try probe("worker").send("LLEN", "{gpt2}:q:default") == .integer(1))
    server.crash()
    try server.start()
    #expect(try probe("worker").send("LLEN", "{gpt2}:q:default") == .integer(1))
    #expect(try probe("worker").send("EXISTS", "{gpt2}:job:kept") == .integer(1))
  }

  @Test func `A gateway can't claim, and nobody gets in without a name`() throws {
    let gateway = try probe("gateway")
    for command in [
      ["LMOVE", "{gpt2}:q:default", "{gpt2}:proc:x", "RIGHT", "LEFT"], ["LPUSH", "{gpt2}:proc:x", "p"],
      ["RPOP", "{gpt2}:q:default"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"],
    ] { #expect(isDenied(try gateway.pipeline([command])[0]), "\(command)") }
    guard case .error(let message) = try server.probe().send("GET", "{gpt2}:res:x") else {
      Issue.record("an unnamed user can read")
      return
    }
    #expect(message.hasPrefix("NOAUTH"))
  }
}
