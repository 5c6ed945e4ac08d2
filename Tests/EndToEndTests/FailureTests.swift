import Glibc
import JobWire
import RedisTestServer
import ServiceUnderTest
import Synchronization
import Testing

/// What dies while jobs run, and what clients see of it: nothing.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FailureTests {
  /// Long jobs, so that a worker is in the middle of them for a while.
  private func longJob(_ index: Int, named name: String = "long") -> String {
    #"{"id": "\#(name)-\#(index)", "prompt": "Chapter \#(index)", "max_new_tokens": 400, "temperature": 0.7, "n": 4, "ignore_eos": true}"#
  }

  private func running(_ redis: RedisTestServer) async throws -> Int {
    let run = try await Program.run(["queue", "status", "--json"], environment: ["REDIS_URL": redis.url])
    guard case .object(let fields) = try JSONValue(parsing: Array(run.output.utf8)),
      case .integer(let count)? = fields.first(where: { $0.name == "running" })?.value
    else { throw ChildProcess.Failure(description: run.errors) }
    return Int(count)
  }

  /// The answers to so many long jobs, while something is disturbed as soon as some of them run.
  private func answers(
    _ service: Service, jobs: Int, named name: String = "long",
    whileRunning disturb: @escaping @Sendable () async throws -> Void
  ) async throws -> [Int: JobResult] {
    let redis = try #require(service.redis)
    let answered = Counter()
    return try await withThrowingTaskGroup(of: (Int, JobResult)?.self) { group in
      for index in 0..<jobs {
        group.addTask {
          let result = try await service.result(self.longJob(index, named: name))
          answered.increment()
          return (index, result)
        }
      }
      group.addTask {
        while try await self.running(redis) == 0 {
          // Else the test would disturb nothing, or wait for ever.
          try #require(answered.value < jobs)
        }
        try await disturb()
        return nil
      }
      return try await group.reduce(into: [:]) { results, pair in
        if let (index, result) = pair { results[index] = result }
      }
    }
  }

  @Test func aGatewayThatIsToldToStopSaysSoToAllThatWaitAndEnds() async throws {
    let redis = try RedisTestServer(appendOnly: false)
    let gateway = try Program(
      ["gateway", "--port", "0"], environment: ["REDIS_URL": redis.url, "DRAIN_SECONDS": "0.5"])
    let url = try await Service.address(of: gateway)
    let job = ["--silent", "--max-time", "60", "--data-binary"]
    _ = try await ChildProcess.run(
      ["/usr/bin/curl", "\(url)/jobs"] + job + [#"{"prompt":"a","id":"followed"}"#])
    async let waiting = ChildProcess.run(
      ["/usr/bin/curl", "\(url)/generate"] + job + [#"{"prompt":"a","id":"waiting"}"#])
    async let streamed = ChildProcess.run(
      ["/usr/bin/curl", "-N", "\(url)/generate"] + job + [#"{"prompt":"a","id":"streamed","stream":true}"#])
    async let events = ChildProcess.run(
      ["/usr/bin/curl", "-N", "--silent", "--max-time", "60", "\(url)/jobs/followed/events"])
    let probe = try redis.probe()
    while try probe.send("LLEN", "{gpt2}:q:default") != .integer(3) { await Task.yield() }
    while try await !ChildProcess.run(["/usr/bin/curl", "--silent", "\(url)/metrics"]).1
      .contains("gpt2_http_streams_in_flight 2\n")
    {
      await Task.yield()
    }
    gateway.send(SIGTERM)
    #expect(await gateway.exit() == 0)
    for output in [try await waiting.1, try await streamed.1, try await events.1] {
      #expect(output.contains(#""code":"closed""#), "\(output)")
    }
    #expect(try probe.send("LLEN", "{gpt2}:q:default") == .integer(3), "the jobs go on")
  }

  @Test func aWorkerThatIsToldToStopWhileRedisIsAwayEnds() async throws {
    let redis = try RedisTestServer(appendOnly: false)
    let probe = try redis.probe()
    for index in 0..<100 { _ = try probe.send("LPUSH", "{gpt2}:q:default", longJob(index)) }
    let worker = try Service.worker(redis, ["DRAIN_SECONDS": "0.1"])
    while try probe.send("KEYS", "{gpt2}:proc:*") == .array([]) { await Task.yield() }
    redis.crash()
    worker.send(SIGTERM)
    #expect(await worker.exit() == 0)
  }

  @Test func theJobsOfAKilledWorkerRunElsewhereAndGiveTheSameTokens() async throws {
    let environment = ["LEASE_SECONDS": "1"]
    let service = try await Service(.redis, workers: 0, environment: environment)
    let redis = try #require(service.redis)
    let first = try Service.worker(redis, environment)
    let second = Mutex<Program?>(nil)
    let results = try await answers(service, jobs: 24) {
      await first.crash()
      let next = try Service.worker(redis, environment)
      second.withLock { $0 = next }
    }
    #expect(results.count == 24)
    #expect(results.values.allSatisfy { $0.status == .completed })
    #expect(results.values.contains { ($0.attempts ?? 0) > 1 })
    let undisturbed = try await Service(.embedded)
    for index in [0, 11, 23] {
      let expected = try await undisturbed.result(longJob(index))
      #expect(results[index]?.completion == expected.completion)
    }
  }

  @Test func noAcceptedRequestIsLostWhenRedisCrashesAndComesBack() async throws {
    let service = try await Service(.redis, workers: 2)
    let redis = try #require(service.redis)
    let results = try await answers(service, jobs: 32) {
      redis.crash()
      try redis.start()
    }
    #expect(results.count == 32)
    #expect(results.values.allSatisfy { $0.status == .completed })
    let after = try await service.result(#"{"prompt": "After the storm", "max_new_tokens": 3}"#)
    #expect(after.status == .completed)
  }

  @Test func noRequestIsLostWhenRedisComesBackEmpty() async throws {
    // Beats come often, so that the worker looks at its jobs before and after the gateway submitted them again.
    let service = try await Service(.redis, workers: 1, persists: false, environment: ["LEASE_SECONDS": "1"])
    let redis = try #require(service.redis)
    for round in 0..<3 {
      let results = try await answers(service, jobs: 24, named: "empty\(round)") {
        redis.crash()
        try redis.start()
      }
      #expect(results.count == 24)
      #expect(results.values.allSatisfy { $0.status == .completed })
    }
    while try await running(redis) > 0 { await Task.yield() }
  }

  @Test func aWorkerThatIsToldToStopFinishesWhatItHas() async throws {
    let service = try await Service(.redis, workers: 0)
    let redis = try #require(service.redis)
    let worker = try Service.worker(redis)
    let next = Mutex<Program?>(nil)
    let results = try await answers(service, jobs: 24) {
      worker.send(SIGTERM)
      let status = await worker.exit()
      #expect(status == 0, "\(worker.output)")
      // For what the first one had not taken yet.
      let program = try Service.worker(redis)
      next.withLock { $0 = program }
    }
    #expect(results.count == 24)
    #expect(results.values.allSatisfy { $0.attempts == 1 && $0.status == .completed })
  }

  @Test(arguments: ["20", "0.1"])
  func aRollingRestartLosesNothingAndCostsNoAttempt(drain: String) async throws {
    let environment = ["DRAIN_SECONDS": drain]
    let service = try await Service(.redis, workers: 0)
    let redis = try #require(service.redis)
    let old = try [Service.worker(redis, environment), Service.worker(redis, environment)]
    let new = Mutex<[Program]>([])
    let results = try await answers(service, jobs: 48, named: "rolling\(drain.count)") {
      for worker in old {
        worker.send(SIGTERM)
        #expect(await worker.exit() == 0, "\(worker.output)")
        let next = try Service.worker(redis, environment)
        new.withLock { $0.append(next) }
      }
    }
    #expect(results.count == 48)
    // What goes back unfinished is nobody's fault.
    #expect(results.values.allSatisfy { $0.attempts == 1 && $0.status == .completed })
    while try await running(redis) > 0 { await Task.yield() }
  }
}

private final class Counter: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }
  func increment() { count.withLock { $0 += 1 } }
}
