import FoundationEssentials
import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("What is asked of Redis")
struct RedisSetupTests {
  @Test func `The rights that the threat model grants a worker are enough`() async throws {
    let server = try RedisTestServer()
    var fixture = try RedisFixture(on: server)
    let rights =
      "on >secret ~{\(fixture.configuration.namespace)}:* -@all +@read +@write +@blocking +@connection "
      + "+@transaction +time +eval +evalsha +script|load +script|exists -@dangerous -@admin"
    try server.probe().send(
      (["ACL", "SETUSER", "worker"] + rights.split(separator: " ").map(String.init)).map { Array($0.utf8) })
    fixture.configuration.endpoint = try RedisEndpoint(url: "redis://worker:secret@127.0.0.1:\(server.port)")
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    try await withRunning([producer, consumer]) {
      let events = producer.subscribe(to: .test("a"))
      try await submit(.test("a"), to: producer)
      let job = try await claim(consumer)
      #expect(isRun(try await consumer.start(job, id: .test("a"), timeToLive: nil), attempt: 1))
      try await consumer.post(job, id: .test("a"), result: [1], replyTo: job.envelope?.replyTo)
      #expect(try await events.result() == [1])
      try await until { (try? await producer.ready()) != nil }
      #expect(try await producer.status().workers.count == 1)
    }
  }

  @Test func `Every key that is ever written is in the documentation`() async throws {
    let server = try RedisTestServer()
    let fixture = try RedisFixture(on: server)
    let producer = try fixture.makeProducer()
    let consumer = try fixture.makeConsumer()
    let probe = try server.probe()
    var seen: Set<String> = []
    func look() throws {
      for key in try probe.send("KEYS", "*").array?.compactMap(\.string) ?? [] {
        #expect(key.hasPrefix(fixture.key("")))
        seen.insert(String(key.dropFirst(fixture.key("").count).prefix { $0 != ":" }))
      }
    }
    let running = Task { try await consumer.run() }
    for id in ["a", "b", "c"] { try await submit(.test(id), to: producer) }
    try await producer.setPaused(true)
    try look()
    try await producer.setPaused(false)
    let job = try await claim(consumer)
    _ = try await consumer.start(job, id: .test("a"), timeToLive: nil)
    try await producer.cancel(.test("a"), result: [0])
    try await until { (try? await producer.ready()) != nil }
    try look()
    try await consumer.post(
      job, id: .test("a"), result: [1], replyTo: ReplyAddress(fixture.key("reply:a")))
    try await consumer.bury(try await claim(consumer), id: .test("b"), reason: "r", result: [1], replyTo: nil)
    try look()
    running.cancel()
    _ = await running.result

    let documentation = try String(
      contentsOfFile: #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        + "/docs/state-machine.md", encoding: .utf8)
    let documented = documentation.split(separator: "\n").compactMap { line -> String? in
      guard line.hasPrefix("| `"), let end = line.dropFirst(3).firstIndex(of: "`") else { return nil }
      return String(line.dropFirst(3)[..<end].prefix { $0 != ":" })
    }
    #expect(seen.isSubset(of: documented), "not documented: \(seen.subtracting(documented))")
    #expect(seen.count == 14, "seen: \(seen)")
  }
}
