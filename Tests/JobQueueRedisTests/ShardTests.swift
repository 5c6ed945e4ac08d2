import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("A queue of several shards", .timeLimit(.minutes(1)))
struct ShardTests {
  private func sides(_ fixture: RedisFixture) throws -> (ShardedJobProducer, ShardedJobConsumer) {
    (
      try ShardedJobProducer(
        configuration: fixture.configuration, logger: RedisFixture.logger, identify: TestPayload.identify),
      try ShardedJobConsumer(
        configuration: fixture.configuration, logger: RedisFixture.logger, identify: TestPayload.identify)
    )
  }

  private func threeShards() throws -> RedisFixture {
    var fixture = try RedisFixture()
    fixture.configuration.shards = 3
    return fixture
  }

  @Test func `Jobs are spread over the shards, and every one is claimed, run and answered`() async throws {
    let fixture = try threeShards()
    let (producer, consumer) = try sides(fixture)
    let ids = (0..<60).map { JobID.test("n\($0)") }
    try await withRunning([producer, consumer]) {
      let streams = ids.map { producer.subscribe(to: $0) }
      for id in ids {
        let payload = TestPayload.make(id, replyTo: producer.replyAddress?.rawValue)
        #expect(
          try await producer.submit(JobSubmission(id: id, payload: payload, fingerprint: "x"))
            != .attached)
      }
      let depths = try fixture.server.probe().pipeline(
        ["", ":1", ":2"].map { ["LLEN", "{\(fixture.configuration.namespace)\($0)}:q:default"] })
      #expect(depths.allSatisfy { ($0.integer ?? 0) > 5 })
      #expect(try await producer.status().depth[.default] == 60)
      var left = ids.count
      while left > 0 {
        let jobs = try await consumer.claim(upTo: 7, waiting: .seconds(5))
        #expect(jobs.count <= 7)
        for job in jobs {
          let id = try #require(job.envelope?.id)
          #expect(isRun(try await consumer.start(job, id: id, timeToLive: nil), attempt: 1))
        }
        let pieces = jobs.compactMap { job in
          job.envelope.map { JobProgress(job: job, id: $0.id, sequence: 1, body: [1], replyTo: nil) }
        }
        #expect(try await consumer.emit(pieces) == pieces.map { _ in .delivered() })
        for job in jobs {
          let id = try #require(job.envelope?.id)
          try await consumer.post(job, id: id, result: Array(id.rawValue.utf8), replyTo: nil)
        }
        left -= jobs.count
      }
      for (id, stream) in zip(ids, streams) { #expect(try await stream.result() == Array(id.rawValue.utf8)) }
      #expect(try await producer.status().running == 0)
      // The same id again finds its shard.
      let again = JobSubmission(id: ids[0], payload: TestPayload.make(ids[0]), fingerprint: "x")
      #expect(try await producer.submit(again) == .finished(result: Array(ids[0].rawValue.utf8)))
    }
  }

  @Test func `What is pushed onto the list of the namespace itself is claimed`() async throws {
    let fixture = try threeShards()
    let (producer, consumer) = try sides(fixture)
    try await withRunning([producer, consumer]) {
      let payload = TestPayload.make(.test("bare"))
      try fixture.server.probe().send([Array("LPUSH".utf8), Array(fixture.key("q:default").utf8), payload])
      let job = try #require(try await consumer.claim(upTo: 1, waiting: .seconds(20)).first)
      #expect(job.envelope?.id == .test("bare"))
      try await consumer.release(job)
      #expect(try await producer.status().depth[.default] == 1)
    }
  }

  @Test func `A running job of any shard is interrupted when it is cancelled`() async throws {
    let fixture = try threeShards()
    let (producer, consumer) = try sides(fixture)
    try await withRunning([producer, consumer]) {
      for number in 0..<6 {
        let id = JobID.test("c\(number)")
        _ = try await producer.submit(JobSubmission(id: id, payload: TestPayload.make(id)))
        let job = try #require(try await consumer.claim(upTo: 1, waiting: .seconds(20)).first)
        #expect(isRun(try await consumer.start(job, id: id, timeToLive: nil), attempt: 1))
        #expect(try await producer.cancel(id, result: [0]) == .requested)
        var told = consumer.interruptions.makeAsyncIterator()
        // A job before it may be reported as another's, since it was done when the worker last looked.
        while let interruption = await told.next(), interruption != .cancelled(id) {
          #expect(interruption != .fenced(claimNumber: job.claimNumber))
        }
        try await consumer.post(job, id: id, result: [0], replyTo: nil)
      }
    }
  }

  /// What can only be said of one list: order and limits are those of each shard, and a worker is seen on
  /// each.
  private static let ofOneList: Set = [
    "higher lists go first, and within a list the oldest",
    "a stream of urgent jobs doesn't starve the others",
    "a full list refuses, with a hint when to come back",
    "the limit holds when many submit at the same moment",
    "a payload that is no job can be buried, and blocks nothing",
    "the dead list keeps the newest",
    "the progress of a batch reaches the right readers",
    "the status counts what waits, runs and died",
  ]

  @Test func `The checks that are left out are those of the suite`() {
    #expect(Self.ofOneList.isSubset(of: ConformanceCheck.all.map(\.testDescription)))
  }

  @Test(arguments: ConformanceCheck.all.filter { !ofOneList.contains($0.testDescription) })
  func conforms(_ check: ConformanceCheck) async throws {
    let fixture = try threeShards()
    let (producer, consumer) = try sides(fixture)
    try await withRunning([producer, consumer]) {
      try await check.run(
        QueueUnderTest(producer: producer, consumer: consumer, inspector: producer) {
          try fixture.advance(by: $0)
        })
    }
  }

  @Test func `A number of shards that isn't allowed is named`() throws {
    var configuration = RedisConfiguration()
    configuration.shards = 65
    let error = #expect(throws: JobQueueError.self) { try configuration.validate() }
    #expect(error?.message.contains("SHARDS") == true)
  }
}
