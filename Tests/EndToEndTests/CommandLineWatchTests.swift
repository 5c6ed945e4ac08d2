import Glibc
import JobWire
import RedisTestServer
import ServiceUnderTest
import Testing

/// `gpt2 queue status --watch`.
@Suite(.serialized, .timeLimit(.minutes(3))) struct CommandLineWatchTests {
  private static let watch = ["queue", "status", "--watch", "0.1"]

  @Test func withoutATerminalOneLookFollowsTheOther() async throws {
    let redis = try RedisTestServer()
    let program = try Program(Self.watch, environment: ["REDIS_URL": redis.url])
    #expect(await program.line(containing: "workers: 0 alive of 0") != nil)
    let enqueued = try await Program.run(
      ["enqueue", "hello", "--priority", "low"], environment: ["REDIS_URL": redis.url])
    #expect(enqueued.status == 0, "\(enqueued.errors)")
    #expect(await program.line(containing: "0        0    1") != nil)
    program.send(SIGINT)
    #expect(await program.exit() == 130)
    #expect(!program.output.contains("\u{1B}"))
  }

  @Test func asJSONEachLookIsALine() async throws {
    let redis = try RedisTestServer()
    let program = try Program(Self.watch + ["--json"], environment: ["REDIS_URL": redis.url])
    let line = try #require(await program.line(containing: "{"))
    #expect(try JSONValue(parsing: Array(line.utf8))["running"]?.integerValue == 0)
    program.send(SIGINT)
    #expect(await program.exit() == 130)
  }

  @Test func aRedisThatGoesAwayIsSaidAndComesBackByItself() async throws {
    let redis = try RedisTestServer()
    let terminal = try PseudoTerminal()
    let program = try terminal.start(Self.watch, environment: ["REDIS_URL": redis.url])
    #expect(await terminal.waits(for: "workers: 0 alive of 0"))
    redis.crash()
    #expect(await terminal.waits(for: "; trying again for "))
    #expect(await terminal.waits(for: "below is what was seen"))
    try redis.start()
    let _ = try redis.probe().send("HSET", "{gpt2}:stats", "posted", "77777")
    #expect(await terminal.waits(for: "77777"))
    kill(program.pid, SIGINT)
    #expect(program.wait() == 130)
    // The cursor was hidden and is there again, and the screen was never cleared.
    #expect(terminal.text.hasPrefix("\u{1B}[?25l"))
    #expect(terminal.text.hasSuffix("\u{1B}[?25h"))
    #expect(!terminal.text.contains("\u{1B}[2J"))
  }

  @Test func aRedisThatIsNotThereYetIsWaitedFor() async throws {
    let redis = try RedisTestServer()
    redis.crash()
    let program = try Program(Self.watch, environment: ["REDIS_URL": redis.url])
    #expect(await program.line(containing: "trying again") != nil)
    try redis.start()
    #expect(await program.line(containing: "workers: 0 alive of 0") != nil)
    program.send(SIGTERM)
    #expect(await program.exit() == 143)
  }

  @Test func whatRunsIsShownWithItsWorker() async throws {
    let service = try await Service(.redis, workers: 1)
    let redis = try #require(service.redis)
    let program = try Program(Self.watch, environment: ["REDIS_URL": redis.url])
    #expect(await program.line(containing: "workers: 1 alive of 1") != nil)
    #expect(await program.line(containing: "courtly") != nil)
    _ = try await service.result(#"{"prompt": "The king", "max_new_tokens": 3}"#)
    let counts = try #require(await program.line(containing: "in total       1"))
    #expect(counts.split(separator: " ").count == 10)
    program.send(SIGINT)
    _ = await program.exit()
  }
}
