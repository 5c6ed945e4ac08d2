import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("Redis beyond one server", .timeLimit(.minutes(3)), .serialized)
struct TopologyTests {
  /// A worker that answers every job with its id, as long as `body` runs.
  private func withWorker(
    _ fixture: RedisFixture, _ body: @escaping @Sendable (RedisJobProducer) async throws -> Void
  ) async throws {
    let consumer = try fixture.makeConsumer()
    let producer = try fixture.makeProducer()
    try await withRunning([producer, consumer]) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          while !Task.isCancelled {
            for job in (try? await consumer.claim(upTo: 4, waiting: .milliseconds(50))) ?? [] {
              guard let envelope = job.envelope,
                case .run? = try? await consumer.start(job, id: envelope.id, timeToLive: nil)
              else { continue }
              let result = Array(envelope.id.rawValue.utf8)
              _ = try? await consumer.post(job, id: envelope.id, result: result, replyTo: envelope.replyTo)
            }
          }
        }
        try await body(producer)
        group.cancelAll()
      }
    }
  }

  /// As a gateway does it: submits again until the job is accepted, and asks for it when its event is lost.
  private func answer(_ id: JobID, from producer: RedisJobProducer) async throws {
    try await until {
      let payload = TestPayload.make(id, replyTo: producer.replyAddress?.rawValue)
      guard let outcome = try? await producer.submit(JobSubmission(id: id, payload: payload)) else {
        return false
      }
      if case .finished(let result) = outcome { return result == Array(id.rawValue.utf8) }
      return try await producer.result(of: id) == Array(id.rawValue.utf8)
    }
  }

  private func watchedPair() async throws -> (
    primary: RedisTestServer, replica: RedisTestServer, sentinel: RedisTestSentinel
  ) {
    let primary = try RedisTestServer()
    let replica = try RedisTestServer(arguments: ["--replicaof", "127.0.0.1 \(primary.port)"])
    let sentinel = try RedisTestSentinel(watching: primary)
    // It must have heard of the replica before it can promote it.
    try await until {
      try sentinel.probe().send("SENTINEL", "REPLICAS", "main").array?.isEmpty == false
        && replica.probe().send("ROLE").array?.dropFirst(3).first?.string == "connected"
    }
    return (primary, replica, sentinel)
  }

  @Test func `The primary that the sentinels name is followed through a failover`() async throws {
    let (primary, replica, sentinel) = try await watchedPair()
    var fixture = try RedisFixture(on: primary)
    fixture.configuration.endpoint = try RedisEndpoint(
      url: "redis+sentinel://127.0.0.1:1,127.0.0.1:\(sentinel.port)/main")
    try await withWorker(fixture) { producer in
      for number in 0..<20 { try await answer(.test("before\(number)"), from: producer) }
      primary.crash()
      for number in 0..<20 { try await answer(.test("after\(number)"), from: producer) }
      #expect(try sentinel.primaryPort() == replica.port)
    }
    let kept = try replica.probe().send("EXISTS", fixture.key("res:after19")).integer
    #expect(kept == 1)
  }

  @Test func `A primary that is demoted is left, and its replica used`() async throws {
    let (primary, replica, sentinel) = try await watchedPair()
    var fixture = try RedisFixture(on: primary)
    fixture.configuration.endpoint = try RedisEndpoint(
      url: "redis+sentinel://127.0.0.1:\(sentinel.port)/main")
    try await withWorker(fixture) { producer in
      try await answer(.test("before"), from: producer)
      try await until {
        if case .error = try sentinel.probe().send("SENTINEL", "FAILOVER", "main") { return false }
        return true
      }
      // A sentinel that demotes a server throws all its clients out, this one too.
      try await until { (try? primary.probe().send("ROLE").array?.first?.string) == "slave" }
      for number in 0..<20 { try await answer(.test("after\(number)"), from: producer) }
    }
    #expect(try replica.probe().send("EXISTS", fixture.key("res:after19")).integer == 1)
  }

  @Test func `Sentinels that don't know the primary are a clear error`() async throws {
    let server = try RedisTestServer()
    let sentinel = try RedisTestSentinel(watching: server)
    var fixture = try RedisFixture(on: server)
    fixture.configuration.producerPatience = .milliseconds(50)
    fixture.configuration.endpoint = try RedisEndpoint(
      url: "redis+sentinel://127.0.0.1:\(sentinel.port)/other")
    let producer = try fixture.makeProducer()
    let error = await #expect(throws: JobQueueError.self) { try await producer.result(of: .test("a")) }
    #expect(error?.message.contains("other") == true)
  }

  @Test func `The node of a cluster that has the queue is found from any other, and followed when it moves`()
    async throws
  {
    let cluster = try RedisTestCluster(nodes: 3)
    var fixture = try RedisFixture(on: cluster.nodes[0])
    let slot = try cluster.slot(of: fixture.key("q:default"))
    let owner = cluster.owner(of: slot)
    let others = cluster.nodes.filter { $0.port != owner.port }
    // One scheme names seeds, the other one node that happens to be in a cluster.
    for url in [
      "redis+cluster://127.0.0.1:1,127.0.0.1:\(others[0].port)", "redis://127.0.0.1:\(others[1].port)",
    ] {
      fixture.configuration.endpoint = try RedisEndpoint(url: url)
      try await withWorker(fixture) { producer in
        for number in 0..<10 { try await answer(.test("n\(url.count)-\(number)"), from: producer) }
      }
    }
    try await withWorker(fixture) { [fixture] producer in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for number in 0..<100 { try await self.answer(.test("moving\(number)"), from: producer) }
        }
        try await until { try owner.probe().send("EXISTS", fixture.key("res:moving5")).integer == 1 }
        try cluster.move(slot: slot, from: owner, to: others[0])
        try await group.waitForAll()
      }
      try await answer(.test("moved"), from: producer)
    }
    #expect(try others[0].probe().send("EXISTS", fixture.key("res:moved")).integer == 1)
  }

  @Test func `The only node that was named may go, as long as the one with the queue is there`() async throws
  {
    let cluster = try RedisTestCluster(nodes: 3)
    var fixture = try RedisFixture(on: cluster.nodes[0])
    let owner = cluster.owner(of: try cluster.slot(of: fixture.key("q:default")))
    let seed = try #require(cluster.nodes.first { $0.port != owner.port })
    for node in cluster.nodes {
      try node.probe().send("CONFIG", "SET", "cluster-require-full-coverage", "no")
    }
    fixture.configuration.endpoint = try RedisEndpoint(url: "redis+cluster://127.0.0.1:\(seed.port)")
    try await withWorker(fixture) { producer in
      try await answer(.test("before"), from: producer)
      seed.crash()
      try owner.probe().send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      for number in 0..<5 { try await answer(.test("after\(number)"), from: producer) }
    }
  }

  @Test func `A replica that takes over in a cluster is followed, whether asked to or because the node died`()
    async throws
  {
    let cluster = try RedisTestCluster(nodes: 3)
    var fixture = try RedisFixture(on: cluster.nodes[0])
    let owner = cluster.owner(of: try cluster.slot(of: fixture.key("q:default")))
    let seed = try #require(cluster.nodes.first { $0.port != owner.port })
    let replica = try cluster.addReplica(of: owner)
    fixture.configuration.endpoint = try RedisEndpoint(url: "redis+cluster://127.0.0.1:\(seed.port)")
    try await withWorker(fixture) { [fixture] producer in
      try await answer(.test("before"), from: producer)
      try RedisTestCluster.promote(replica)
      for number in 0..<20 { try await answer(.test("asked\(number)"), from: producer) }
      try await until {
        (try? owner.probe().send("ROLE").array?.dropFirst(3).first?.string) == "connected"
      }
      replica.crash()
      // Until another node takes its place the queue isn't there, which passes by itself.
      while true {
        do {
          _ = try await producer.result(of: .test("none"))
          if try owner.probe().send("ROLE").array?.first?.string == "master" { break }
        } catch let error as JobQueueError {
          #expect(error.code == .unavailable, "\(error)")
          if error.code != .unavailable { break }
        }
      }
      for number in 0..<20 { try await answer(.test("died\(number)"), from: producer) }
      #expect(try owner.probe().send("EXISTS", fixture.key("res:died19")).integer == 1)
    }
  }
}
