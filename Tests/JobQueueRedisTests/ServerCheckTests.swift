import FoundationEssentials
import JobQueue
import JobQueueConformance
import JobQueueRedis
import RedisTestServer
import Testing

@Suite("Checks of the server at the start", .timeLimit(.minutes(1)))
struct ServerCheckTests {
  @Test(arguments: [
    ("redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n", []),
    ("redis_version:6.2.7\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n", ["7.0"]),
    ("redis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n", ["noeviction"]),
    (
      "redis_version:10.0.0\r\nmaxmemory_policy:volatile-ttl\r\naof_enabled:0\r\n",
      ["noeviction", "appendonly"]
    ),
  ])
  func `What may lose jobs is named with its remedy`(_ info: String, _ remedies: [String]) {
    let problems = RedisServerCheck.problems(in: info)
    #expect(problems.count == remedies.count)
    for (problem, remedy) in zip(problems, remedies) { #expect(problem.contains(remedy)) }
  }

  @Test func `A server that may lose jobs is refused where that is asked for`() async throws {
    let server = try RedisTestServer(appendOnly: false)
    var fixture = try RedisFixture(on: server)
    fixture.configuration.checks = .require
    let (producer, consumer) = (try fixture.makeProducer(), try fixture.makeConsumer())
    let probe = try server.probe()
    try probe.send("LPUSH", fixture.key("q:default"), "x\n\n")
    for service in [{ try await producer.run() }, { try await consumer.run() }] {
      let error = await #expect(throws: JobQueueError.self) { try await service() }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.message.contains("appendonly") == true)
    }
    #expect(try probe.send("LLEN", fixture.key("q:default")).integer == 1)
  }

  @Test func `A server that is well set up passes, and its worker claims`() async throws {
    let server = try RedisTestServer(appendOnly: true)
    var fixture = try RedisFixture(on: server)
    fixture.configuration.checks = .require
    let (producer, consumer) = (try fixture.makeProducer(), try fixture.makeConsumer())
    try await withRunning([producer, consumer]) {
      try await submit(.test("a"), to: producer)
      #expect(try await claim(consumer).envelope?.id == .test("a"))
    }
  }

  @Test func `A server that doesn't let itself be checked is refused only where the check is asked for`()
    async throws
  {
    let server = try RedisTestServer(appendOnly: true)
    try server.probe().send("ACL", "SETUSER", "blind", "on", ">secret", "~*", "+@all", "-info")
    var fixture = try RedisFixture(on: server)
    fixture.configuration.endpoint = try RedisEndpoint(url: "redis://blind:secret@127.0.0.1:\(server.port)")
    let (producer, consumer) = (try fixture.makeProducer(), try fixture.makeConsumer())
    try await withRunning([producer, consumer]) {
      try await submit(.test("a"), to: producer)
      #expect(try await claim(consumer).envelope?.id == .test("a"))
    }
    fixture.configuration.checks = .require
    let (strictProducer, strictConsumer) = (try fixture.makeProducer(), try fixture.makeConsumer())
    for service in [{ try await strictProducer.run() }, { try await strictConsumer.run() }] {
      let error = await #expect(throws: JobQueueError.self) { try await service() }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.message.contains("+info") == true)
    }
  }

  @Test func `The password is read from its file, anew at every connect`() async throws {
    let server = try RedisTestServer()
    let probe = try server.probe()
    try probe.send("ACL", "SETUSER", "app", "on", ">first", "~*", "+@all")
    let path = "/tmp/gpt2-test-secret-\(server.port)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "first\n".write(toFile: path, atomically: true, encoding: .utf8)
    var fixture = try RedisFixture(on: server)
    fixture.configuration.endpoint = try RedisEndpoint(url: "redis://app@127.0.0.1:\(server.port)")
    #expect(throws: JobQueueError.self) { try fixture.configuration.validate() }
    fixture.configuration.passwordFile = path
    let producer = try fixture.makeProducer()
    #expect(try await producer.result(of: .test("a")) == nil)
    try "second".write(toFile: path, atomically: true, encoding: .utf8)
    try probe.send("ACL", "SETUSER", "app", "resetpass", ">second")
    try probe.send("CLIENT", "KILL", "USER", "app")
    #expect(try await producer.result(of: .test("a")) == nil)
    try FileManager.default.removeItem(atPath: path)
    fixture.configuration.producerPatience = .milliseconds(50)
    let other = try fixture.makeProducer()
    let error = await #expect(throws: JobQueueError.self) { try await other.result(of: .test("a")) }
    #expect(error?.message.contains("REDIS_PASSWORD_FILE") == true)
  }
}
