import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("Jobs of workers that died", .timeLimit(.minutes(3)))
struct RecoveryTests {
  @Test func `A job of a silent worker is run by another, and the first is not heard any more`() async throws
  {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    let (dead, alive) = (try fixture.makeConsumer(), try fixture.makeConsumer())
    let id = JobID.test("a")
    let events = producer.subscribe(to: id)
    try await submit(id, to: producer)
    let lost = try await claim(dead)
    #expect(isRun(try await dead.start(lost, id: id, timeToLive: nil), attempt: 1))
    try fixture.silence(dead)
    try await withRunning([producer, alive]) {
      let job = try await claim(alive)
      #expect(job.payload == lost.payload)
      #expect(job.attemptsExhausted == false)
      #expect(isRun(try await alive.start(job, id: id, timeToLive: nil), attempt: 2))
      let zombie = JobProgress(job: lost, id: id, sequence: 9, body: [0], replyTo: producer.replyAddress)
      #expect(try await dead.emit(zombie) == .fenced)
      let living = JobProgress(job: job, id: id, sequence: 1, body: [1], replyTo: producer.replyAddress)
      #expect(try await alive.emit(living) == .delivered())
      #expect(try await alive.post(job, id: id, result: [1], replyTo: producer.replyAddress) == .visible)
      #expect(try await dead.post(lost, id: id, result: [2], replyTo: producer.replyAddress) == .duplicate)
      var received: [JobEvent] = []
      for await event in events { received.append(event) }
      #expect(received == [.progress(sequence: 1, body: [1]), .finished(result: [1])])
    }
  }

  @Test func `A worker that wakes up and is first with its result wins, and the copy is not begun`()
    async throws
  {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    let (sleeper, alive) = (try fixture.makeConsumer(), try fixture.makeConsumer())
    try await submit(.test("a"), to: producer)
    let job = try await claim(sleeper)
    _ = try await sleeper.start(job, id: .test("a"), timeToLive: nil)
    try fixture.silence(sleeper)
    try await withRunning([alive]) {
      let copy = try await claim(alive)
      #expect(try await sleeper.post(job, id: .test("a"), result: [1], replyTo: nil) == .visible)
      #expect(try await alive.start(copy, id: .test("a"), timeToLive: nil) == .alreadyFinished)
    }
  }

  @Test func `A reply list is told once, also when a worker that wakes up is first`() async throws {
    let fixture = try RedisFixture()
    let probe = try fixture.server.probe()
    let sleeper = try fixture.makeConsumer()
    for (number, name) in ["posted", "not begun"].enumerated() {
      let alive = try fixture.makeConsumer()
      let id = JobID.test("r\(number)")
      let reply = fixture.key("reply:\(number)")
      try probe.send(
        "LPUSH", fixture.key("q:default"),
        String(decoding: TestPayload.make(id, replyTo: reply), as: UTF8.self))
      let job = try await claim(sleeper)
      _ = try await sleeper.start(job, id: id, timeToLive: nil)
      try fixture.silence(sleeper)
      try await withRunning([alive]) {
        let copy = try await claim(alive)
        if name == "posted" { _ = try await alive.start(copy, id: id, timeToLive: nil) }
        #expect(try await sleeper.post(job, id: id, result: [1], replyTo: job.envelope?.replyTo) == .visible)
        if name == "posted" {
          #expect(
            try await alive.post(copy, id: id, result: [2], replyTo: copy.envelope?.replyTo) == .duplicate)
        } else {
          #expect(try await alive.start(copy, id: id, timeToLive: nil) == .alreadyFinished)
        }
      }
      #expect(try probe.send("LRANGE", reply, "0", "-1") == .array([.bytes([1])]))
    }
  }

  @Test func `A job that Redis lost before it was begun is put back, and then begun`() async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    try await withRunning([consumer]) {
      let probe = try fixture.server.probe()
      try probe.send(
        "LPUSH", fixture.key("q:default"), String(decoding: TestPayload.make(.test("a")), as: UTF8.self))
      let job = try await claim(consumer)
      try probe.send("FLUSHALL")
      var outcome: StartOutcome?
      while outcome == nil {
        do throws(JobQueueError) {
          outcome = try await consumer.start(job, id: .test("a"), timeToLive: nil)
        } catch {
          #expect(error.code == .unavailable)
        }
      }
      #expect(isRun(try #require(outcome), attempt: 1))
    }
  }

  @Test func `What was claimed while the queue was being paused goes back`() async throws {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    try await submit(.test("a"), to: producer)
    let job = try await claim(consumer)
    try await producer.setPaused(true)
    #expect(try await consumer.start(job, id: .test("a"), timeToLive: nil) == .alreadyFinished)
    #expect(try await producer.status().depth[.default] == 1)
    #expect(try await producer.status().running == 0)
    try await producer.setPaused(false)
    #expect(
      isRun(try await consumer.start(try await claim(consumer), id: .test("a"), timeToLive: nil), attempt: 1))
  }

  @Test func `Who pushed a job that is put back is told when it is cancelled`() async throws {
    let fixture = try RedisFixture()
    let probe = try fixture.server.probe()
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    let reply = fixture.key("reply:1")
    try probe.send(
      "LPUSH", fixture.key("q:default"),
      String(decoding: TestPayload.make(.test("a"), replyTo: reply), as: UTF8.self))
    let job = try await claim(consumer)
    _ = try await consumer.start(job, id: .test("a"), timeToLive: nil)
    try await consumer.release(job)
    #expect(try await producer.cancel(.test("a"), result: [8]) == .removed)
    #expect(try probe.send("LRANGE", reply, "0", "-1") == .array([.bytes([8])]))
  }

  @Test func `A job is not given up here while another gateway waits for it`() async throws {
    let fixture = try RedisFixture()
    let (one, other) = (try fixture.makeProducer(), try fixture.makeProducer())
    try await submit(.test("a"), to: one)
    #expect(try await one.cancel(.test("b"), result: [8], onlyHere: true) == .unknown)
    try await submit(.test("a"), to: other)
    #expect(try await one.cancel(.test("a"), result: [8], onlyHere: true) == .wantedElsewhere)
    // The last one out.
    #expect(try await other.cancel(.test("a"), result: [8], onlyHere: true) == .removed)
    // Who only looks keeps nothing alive.
    try await submit(.test("c"), to: one)
    try await other.attach(to: .test("c"))
    #expect(try await one.cancel(.test("c"), result: [8], onlyHere: true) == .removed)
    // What was pushed is nobody's here.
    let consumer = try fixture.makeConsumer()
    try fixture.server.probe().send(
      "LPUSH", fixture.key("q:default"), String(decoding: TestPayload.make(.test("d")), as: UTF8.self))
    _ = try await consumer.start(try await claim(consumer), id: .test("d"), timeToLive: nil)
    try await submit(.test("d"), to: one)
    #expect(try await one.cancel(.test("d"), result: [8], onlyHere: true) == .wantedElsewhere)
  }

  @Test func `Two workers that notice the same death bring each job back once, the oldest first`()
    async throws
  {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    let dead = try fixture.makeConsumer()
    let ids = (0..<12).map { JobID.test("n\($0)") }
    for id in ids { try await submit(id, to: producer) }
    #expect(try await dead.claim(upTo: 12, waiting: .seconds(20)).count == 12)
    try await submit(.test("later"), to: producer)
    try await producer.setPaused(true)
    let reapers = try (0..<3).map { _ in try fixture.makeConsumer() }
    try fixture.silence(dead)
    try await withRunning(reapers) {
      try await until { try await producer.status().depth[.default] == 13 }
      try await producer.setPaused(false)
      let reaper = try #require(reapers.first)
      let jobs = try await reaper.claim(upTo: 20, waiting: .seconds(20))
      #expect(jobs.compactMap { $0.envelope?.id } == ids + [.test("later")])
    }
  }

  @Test func `A job that killed too many workers is answered with an error and buried`() async throws {
    var fixture = try RedisFixture()
    fixture.configuration.maxAttempts = 2
    let producer = try fixture.makeProducer()
    let id = JobID.test("poison")
    let events = producer.subscribe(to: id)
    try await submit(id, to: producer)
    for attempt in 1...2 {
      let victim = try fixture.makeConsumer()
      let job = try await claim(victim)
      #expect(isRun(try await victim.start(job, id: id, timeToLive: nil), attempt: attempt))
      try fixture.silence(victim)
      if attempt == 1 {
        let reaper = try fixture.makeConsumer()
        try await producer.setPaused(true)
        try await withRunning([reaper]) {
          try await until { try await producer.status().depth[.default] == 1 }
        }
        try await producer.setPaused(false)
      }
    }
    let survivor = try fixture.makeConsumer()
    try await withRunning([producer, survivor]) {
      let job = try await claim(survivor)
      #expect(job.attemptsExhausted)
      #expect(job.envelope?.id == id)
      try await survivor.bury(
        job, id: id, reason: "2 workers died of it", result: [9], replyTo: job.envelope?.replyTo)
      #expect(try await events.result() == [9])
      #expect(try await producer.deadJobs(limit: 9).map(\.id) == [id])
      #expect(try await producer.status().running == 0)
    }
  }

  @Test func `If the worker that was to bury a job dies as well, the next one does it`() async throws {
    var fixture = try RedisFixture()
    fixture.configuration.maxAttempts = 1
    let producer = try fixture.makeProducer()
    try await submit(.test("a"), to: producer)
    let victim = try fixture.makeConsumer()
    _ = try await victim.start(try await claim(victim), id: .test("a"), timeToLive: nil)
    try fixture.silence(victim)
    let heir = try fixture.makeConsumer()
    try await withRunning([heir]) {
      let job = try await claim(heir)
      #expect(job.attemptsExhausted)
    }
    let last = try fixture.makeConsumer()
    try await withRunning([last]) {
      let job = try await claim(last)
      #expect(job.attemptsExhausted)
    }
  }

  @Test func `A job whose claim was answered but never heard is taken up by the same worker`() async throws {
    let fixture = try RedisFixture()
    let consumer = try fixture.makeConsumer()
    try await withRunning([consumer]) {
      try fixture.server.probe().send([
        Array("LPUSH".utf8), Array(fixture.key("proc:\(consumer.workerID)").utf8),
        TestPayload.make(.test("a")),
      ])
      let job = try await claim(consumer)
      #expect(job.envelope?.id == .test("a"))
      #expect(isRun(try await consumer.start(job, id: .test("a"), timeToLive: nil), attempt: 1))
      #expect(try await consumer.claim(upTo: 1, waiting: .milliseconds(300)).isEmpty)
    }
  }

  @Test func `A worker that leaves with jobs in hand hands them over at once`() async throws {
    let fixture = try RedisFixture()
    let producer = try fixture.makeProducer()
    let (leaving, staying) = (try fixture.makeConsumer(), try fixture.makeConsumer())
    try await submit(.test("a"), to: producer)
    try await withRunning([leaving]) { _ = try await claim(leaving) }
    try await withRunning([staying]) {
      let job = try await claim(staying)
      #expect(job.envelope?.id == .test("a"))
    }
    #expect(try await producer.status().workers.contains { $0.id == leaving.workerID && $0.alive } == false)
  }

  @Test func `What is no job is handed to the worker that finds it`() async throws {
    let fixture = try RedisFixture()
    let (dead, alive) = (try fixture.makeConsumer(), try fixture.makeConsumer())
    try fixture.server.probe().send("LPUSH", fixture.key("q:default"), "garbage")
    _ = try await claim(dead)
    try fixture.silence(dead)
    try await withRunning([alive]) {
      let job = try await claim(alive)
      #expect(job.envelope == nil)
      try await alive.bury(job, id: nil, reason: "no job", result: nil, replyTo: nil)
    }
    #expect(try fixture.server.probe().send("LLEN", fixture.key("dead")) == .integer(1))
  }
}

func submit(_ id: JobID, to producer: RedisJobProducer) async throws {
  let payload = TestPayload.make(id, replyTo: producer.replyAddress?.rawValue)
  _ = try await producer.submit(JobSubmission(id: id, payload: payload))
}

func claim(_ consumer: RedisJobConsumer) async throws -> ClaimedJob {
  try #require(try await consumer.claim(upTo: 1, waiting: .seconds(60)).first)
}

func isRun(_ outcome: StartOutcome, attempt: Int) -> Bool {
  if case .run(attempt, _) = outcome { true } else { false }
}

/// Looks again and again until it is so; for what nobody announces.
func until(_ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + .seconds(60)
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, "it never came")
    await Task.yield()
  }
}
