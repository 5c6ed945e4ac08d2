import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("Jobs pushed with LPUSH", .timeLimit(.minutes(3)))
struct DirectProducerTests {
  @Test func `A pushed job runs, and its result is read with GET`() async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    let probe = try fixture.server.probe()
    try await withRunning([consumer]) {
      let payload = TestPayload.make(.test("x1"))
      try fixture.server.probe().send([
        Array("LPUSH".utf8), Array(fixture.key("q:default").utf8), payload,
      ])
      let job = try #require(try await consumer.claim(upTo: 1, waiting: .seconds(20)).first)
      #expect(job.payload == payload)
      #expect(
        try await consumer.start(job, id: .test("x1"), timeToLive: .seconds(1))
          == .run(attempt: 1, queued: nil))
      try await consumer.post(job, id: .test("x1"), result: [0, 1], replyTo: nil)
    }
    #expect(try probe.send("GET", fixture.key("res:x1")) == .bytes([0, 1]))
    #expect(try (1...60_000).contains(probe.send("PTTL", fixture.key("res:x1")).integer ?? 0))
  }

  @Test func `The result is pushed to the reply list for BLPOP, which expires`() async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    let reply = fixture.key("reply:x1")
    try await run(.test("x1"), replyTo: reply, on: fixture, consumer)
    let probe = try fixture.server.probe()
    #expect((1...60_000).contains(try probe.send("PTTL", reply).integer ?? 0))
    #expect(try probe.send("BLPOP", reply, "20") == .array([.bytes(Array(reply.utf8)), .bytes([5])]))
  }

  @Test func `A second push of a finished job changes nothing but is answered`() async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    try await run(.test("x1"), replyTo: nil, on: fixture, consumer)
    let reply = fixture.key("reply:again")
    try push(.test("x1"), replyTo: reply, on: fixture)
    let job = try #require(try await consumer.claim(upTo: 1, waiting: .seconds(20)).first)
    #expect(try await consumer.start(job, id: .test("x1"), timeToLive: nil) == .alreadyFinished)
    let probe = try fixture.server.probe()
    #expect(try probe.send("LRANGE", reply, "0", "-1") == .array([.bytes([5])]))
    #expect(try probe.send("EXISTS", fixture.key("proc:\(consumer.workerID)")) == .integer(0))
  }

  @Test func `A second push of a running job runs no second time, and both requesters are answered`()
    async throws
  {
    let fixture = try RedisFixture()
    let (first, second) = (try fixture.makeConsumer(), try fixture.makeConsumer())
    let replies = [fixture.key("reply:1"), fixture.key("reply:2"), fixture.key("reply:3")]
    for reply in replies { try push(.test("x1"), replyTo: reply, on: fixture) }
    let job = try #require(try await first.claim(upTo: 1, waiting: .seconds(20)).first)
    #expect(try await first.start(job, id: .test("x1"), timeToLive: nil) == .run(attempt: 1, queued: nil))
    for other in [second, first] {
      let copy = try #require(try await other.claim(upTo: 1, waiting: .seconds(20)).first)
      #expect(try await other.start(copy, id: .test("x1"), timeToLive: nil) == .alreadyFinished)
    }
    try await first.post(job, id: .test("x1"), result: [5], replyTo: job.envelope?.replyTo)
    let probe = try fixture.server.probe()
    for reply in replies { #expect(try probe.send("LRANGE", reply, "0", "-1") == .array([.bytes([5])])) }
  }

  @Test(arguments: ["{other}:reply:x", "reply:x", "res:other", "q:high", "reply:", "inbox:"])
  func `No other key than a reply key is ever written to`(_ name: String) async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    let key = name.hasPrefix("{") || name == "reply:x" ? name : fixture.key(name)
    #expect(consumer.accepts(try #require(ReplyAddress(key))) == false)
    try await run(.test("x1"), replyTo: key, on: fixture, consumer)
    let probe = try fixture.server.probe()
    #expect(try probe.send("EXISTS", key) == .integer(0))
    #expect(try probe.send("GET", fixture.key("res:x1")) == .bytes([5]))
    #expect(consumer.accepts(try #require(ReplyAddress(fixture.key("reply:x")))))
    #expect(consumer.accepts(try #require(ReplyAddress(fixture.key("inbox:x")))))
  }

  @Test func `A reply key can't smuggle in another key`() async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    let target = fixture.key("q:high")
    for reply in ["reply:s\(target)", "inbox:s\(target)", "reply:l\(target)"].map(fixture.key) {
      try push(.test("x1"), replyTo: reply, on: fixture)
    }
    let jobs = try await consumer.claim(upTo: 3, waiting: .seconds(20))
    let first = try #require(jobs.first)
    for job in jobs { _ = try await consumer.start(job, id: .test("x1"), timeToLive: nil) }
    for job in jobs {
      _ = try await consumer.emit(
        JobProgress(job: first, id: .test("x1"), sequence: 1, body: [1], replyTo: job.envelope?.replyTo))
    }
    try await consumer.post(first, id: .test("x1"), result: [5], replyTo: first.envelope?.replyTo)
    let probe = try fixture.server.probe()
    #expect(try probe.send("EXISTS", target) == .integer(0))
    #expect(try probe.send("XLEN", fixture.key("inbox:s\(target)")) == .integer(4))
    #expect(try probe.send("LLEN", fixture.key("reply:l\(target)")) == .integer(1))
  }

  @Test func `A reply key of the wrong type doesn't cost the result`() async throws {
    let fixture = try RedisFixture()
    let probe = try fixture.server.probe()
    let reply = fixture.key("reply:x1")
    try probe.send("SET", reply, "occupied")
    try await run(.test("x1"), replyTo: reply, on: fixture, try fixture.makeConsumer())
    #expect(try probe.send("GET", fixture.key("res:x1")) == .bytes([5]))
    #expect(try probe.send("EXISTS", fixture.key("job:x1")) == .integer(1))
  }

  @Test func `What is no job goes to the dead list with the reason`() async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    let probe = try fixture.server.probe()
    try probe.send("LPUSH", fixture.key("q:high"), "{not json")
    let job = try #require(try await consumer.claim(upTo: 1, waiting: .seconds(20)).first)
    #expect(job.envelope == nil)
    try await consumer.bury(job, id: nil, reason: "malformed", result: nil, replyTo: nil)
    let entry = try #require(try probe.send("LINDEX", fixture.key("dead"), "0").string)
    #expect(entry.hasSuffix(" ? high malformed\n{not json"))
    #expect(try probe.send("EXISTS", fixture.key("proc:\(consumer.workerID)")) == .integer(0))
  }

  private func push(_ id: JobID, replyTo: String?, on fixture: RedisFixture) throws {
    try fixture.server.probe().send([
      Array("LPUSH".utf8), Array(fixture.key("q:default").utf8), TestPayload.make(id, replyTo: replyTo),
    ])
  }

  /// Pushes a job and answers it with one byte, 5.
  private func run(
    _ id: JobID, replyTo: String?, on fixture: RedisFixture, _ consumer: RedisJobConsumer
  ) async throws {
    try push(id, replyTo: replyTo, on: fixture)
    let job = try #require(try await consumer.claim(upTo: 1, waiting: .seconds(20)).first)
    #expect(try await consumer.start(job, id: id, timeToLive: nil) == .run(attempt: 1, queued: nil))
    #expect(try await consumer.post(job, id: id, result: [5], replyTo: job.envelope?.replyTo) == .visible)
  }
}
