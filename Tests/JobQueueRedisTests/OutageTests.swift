import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("When Redis goes away", .timeLimit(.minutes(3)))
struct OutageTests {
  @Test func `Waiting clients get their answers after Redis crashed and came back`() async throws {
    let server = try RedisTestServer(appendOnly: true)
    let fixture = try RedisFixture(on: server)
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    let ids = (0..<30).map { JobID.test("n\($0)") }
    try await withRunning([producer, consumer]) {
      let streams = ids.map { producer.subscribe(to: $0) }
      for id in ids.prefix(20) { try await submit(id, to: producer) }
      let running = try await consumer.claim(upTo: 5, waiting: .seconds(20))
      for job in running {
        if let id = job.envelope?.id { _ = try await consumer.start(job, id: id, timeToLive: nil) }
      }
      server.crash()
      async let posted: Void = answer(running, on: consumer)
      async let submitted: Void = { for id in ids.suffix(10) { try await submit(id, to: producer) } }()
      async let worked: Void = work(on: consumer, count: ids.count - running.count)
      try server.start()
      try await posted
      try await submitted
      try await worked
      for (id, stream) in zip(ids, streams) { #expect(try await stream.result() == Array(id.rawValue.utf8)) }
      let status = try await producer.status()
      #expect(status.running == 0)
      #expect(status.depth.values.reduce(0, +) == 0)
    }
  }

  @Test func `Parts that start before Redis find it when it comes`() async throws {
    let server = try RedisTestServer()
    server.crash()
    let fixture = try RedisFixture(on: server)
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    try await withRunning([producer, consumer]) {
      let events = producer.subscribe(to: .test("a"))
      async let submitted: Void = submit(.test("a"), to: producer)
      async let worked: Void = work(on: consumer, count: 1)
      try server.start()
      try await submitted
      try await worked
      #expect(try await events.result() == Array("a".utf8))
    }
  }

  @Test func `Without Redis a producer is told so when its patience is over`() async throws {
    let server = try RedisTestServer()
    server.crash()
    var fixture = try RedisFixture(on: server)
    fixture.configuration.producerPatience = .milliseconds(50)
    let producer = try fixture.makeProducer()
    let error = await #expect(throws: JobQueueError.self) { try await submit(.test("a"), to: producer) }
    #expect(error?.code == .unavailable)
    #expect(error?.retryAfter != nil)
    #expect(error?.message.contains("Connection refused") == true)
    // Where Redis is concerns the logs, not the clients.
    #expect(error?.message.contains("\(server.port)") == false)
    await #expect { try await producer.ready() } throws: { ($0 as? JobQueueError)?.code == .unavailable }
  }

  @Test func `Every connection may be cut at any moment`() async throws {
    let server = try RedisTestServer()
    let fixture = try RedisFixture(on: server)
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    try await withRunning([producer, consumer]) {
      let worker = Task { try await work(on: consumer, count: 60) }
      for round in 0..<6 {
        let ids = (0..<10).map { JobID.test("r\(round)-\($0)") }
        let streams = ids.map { producer.subscribe(to: $0) }
        for (index, id) in ids.enumerated() {
          try await submit(id, to: producer)
          if index == 4 { try server.probe().send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
        }
        for (id, stream) in zip(ids, streams) {
          #expect(try await stream.result() == Array(id.rawValue.utf8))
        }
      }
      try await worker.value
      try await until { try await producer.status().running == 0 }
    }
  }

  @Test func `Scripts that the server forgot are sent again`() async throws {
    let server = try RedisTestServer()
    let fixture = try RedisFixture(on: server)
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    try await withRunning([producer, consumer]) {
      let events = producer.subscribe(to: .test("a"))
      try await submit(.test("warm"), to: producer)
      #expect(try server.probe().send("SCRIPT", "FLUSH") == .text("OK"))
      try await submit(.test("a"), to: producer)
      for _ in 0..<2 {
        let job = try await claim(consumer)
        try server.probe().send("SCRIPT", "FLUSH")
        try await answer([job], on: consumer)
      }
      #expect(try await events.result() == Array("a".utf8))
    }
  }

  @Test func `With its memory used up Redis takes no new jobs, and those that wait are served`() async throws
  {
    let server = try RedisTestServer()
    let fixture = try RedisFixture(on: server)
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    try await withRunning([producer, consumer]) {
      let events = producer.subscribe(to: .test("a"))
      try await submit(.test("a"), to: producer)
      try server.probe().send("CONFIG", "SET", "maxmemory", "1")
      let error = await #expect(throws: JobQueueError.self) { try await submit(.test("b"), to: producer) }
      #expect(error?.code == .storeFull)
      await #expect { try await producer.ready() } throws: { ($0 as? JobQueueError)?.code == .storeFull }
      try await work(on: consumer, count: 1)
      #expect(try await events.result() == Array("a".utf8))
      #expect(try await consumer.claim(upTo: 1, waiting: .milliseconds(120)).isEmpty)
    }
  }

  @Test func `Wrong credentials are named as such, and right ones work`() async throws {
    let server = try RedisTestServer()
    try server.probe().send("ACL", "SETUSER", "worker", "on", ">p@ss:word", "~*", "+@all")
    var fixture = try RedisFixture(on: server)
    fixture.configuration.producerPatience = .milliseconds(10)
    fixture.configuration.endpoint = try RedisEndpoint(url: "redis://worker:wrong@127.0.0.1:\(server.port)")
    let refused = try fixture.makeProducer()
    let error = await #expect(throws: JobQueueError.self) { try await refused.status() }
    #expect(error?.message.contains("credentials") == true)
    fixture.configuration.endpoint = try RedisEndpoint(
      url: "redis://worker:p%40ss%3Aword@127.0.0.1:\(server.port)/3")
    fixture.configuration.producerPatience = .seconds(20)
    let producer = try fixture.makeProducer()
    try await submit(.test("a"), to: producer)
    let probe = try server.probe()
    try probe.send("SELECT", "3")
    #expect(try probe.send("LLEN", fixture.key("q:default")) == .integer(1))
  }

  @Test func `Two gateways that ask for the same job are both answered`() async throws {
    let fixture = try RedisFixture()
    let (one, other) = (try fixture.makeProducer(), try fixture.makeProducer())
    let consumer = try fixture.makeConsumer()
    try await withRunning([one, other, consumer]) {
      let streams = [one.subscribe(to: .test("a")), other.subscribe(to: .test("a"))]
      try await submit(.test("a"), to: one)
      try await submit(.test("a"), to: other)
      let job = try await claim(consumer)
      _ = try await consumer.start(job, id: .test("a"), timeToLive: nil)
      let piece = JobProgress(
        job: job, id: .test("a"), sequence: 1, body: [1], replyTo: job.envelope?.replyTo)
      #expect(try await consumer.emit(piece) == .delivered(attachments: 1))
      try await consumer.post(job, id: .test("a"), result: [2], replyTo: job.envelope?.replyTo)
      for stream in streams {
        var received: [JobEvent] = []
        for await event in stream { received.append(event) }
        #expect(received == [.progress(sequence: 1, body: [1]), .finished(result: [2])])
      }
    }
  }

  @Test func `Readiness asks for a living worker`() async throws {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    await #expect { try await producer.ready() } throws: { ($0 as? JobQueueError)?.code == .unavailable }
    try await withRunning([consumer]) {
      try await until { (try? await producer.ready()) != nil }
      let worker = try #require(try await producer.status().workers.first)
      #expect(worker.alive)
      #expect(worker.info["model"] == "test")
    }
    await #expect { try await producer.ready() } throws: { ($0 as? JobQueueError)?.code == .unavailable }
  }
}

/// Answers each job with its id.
private func answer(_ jobs: [ClaimedJob], on consumer: RedisJobConsumer) async throws {
  for job in jobs {
    guard let envelope = job.envelope else { continue }
    try await consumer.post(
      job, id: envelope.id, result: Array(envelope.id.rawValue.utf8), replyTo: envelope.replyTo)
  }
}

/// A worker: runs jobs until `count` results of its own became visible.
private func work(on consumer: RedisJobConsumer, count: Int) async throws {
  var left = count
  while left > 0 {
    let jobs = (try? await consumer.claim(upTo: 4, waiting: .seconds(1))) ?? []
    for job in jobs {
      guard let envelope = job.envelope,
        case .run = try await consumer.start(job, id: envelope.id, timeToLive: nil)
      else { continue }
      let outcome = try await consumer.post(
        job, id: envelope.id, result: Array(envelope.id.rawValue.utf8), replyTo: envelope.replyTo)
      if outcome == .visible { left -= 1 }
    }
  }
}
