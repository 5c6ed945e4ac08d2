import Glibc
import JobQueueRedis
import RedisTestServer
import Testing

/// Random interleavings of the scripts, on Redis and in a small model: every answer and the end must be the same.
@Suite("The scripts against a model", .timeLimit(.minutes(2)))
struct ScriptModelTests {
  /// `MODEL_SCHEDULES` asks for more.
  private static let schedules = getenv("MODEL_SCHEDULES").flatMap { Int(String(cString: $0)) } ?? 4_000

  @Test func `Every interleaving of the scripts does what the model does, and loses no job`() throws {
    let server = try RedisTestServer()
    let redis = try server.probe()
    var hashes: [String: String] = [:]
    for script in RedisScripts.producer + RedisScripts.consumer + RedisScripts.heartbeat {
      hashes[script.name] = try redis.send("SCRIPT", "LOAD", script.source).string
    }
    let base = UInt64.random(in: 0..<1 << 32)
    for number in 0..<Self.schedules {
      let seed = base &+ UInt64(number)
      let schedule = ScriptSchedule(seed: seed, steps: 30, namespace: "m\(number)", hashes: hashes)
      let replies = try redis.pipeline(schedule.commands)
      try #require(
        schedule.lostID == nil,
        "seed \(seed): a job is lost\n\(Self.text(schedule.commands[..<schedule.commandsUntilLoss]))")
      for (index, reply) in replies.enumerated() {
        try #require(
          Self.isEqual(Self.words(reply), schedule.expected[index]),
          """
          seed \(seed), command \(index): \(schedule.commands[index])
          Redis \(Self.words(reply)), model \(schedule.expected[index])
          before: \(Self.text(schedule.commands[..<index]))
          """)
      }
      if number % 500 == 499 { try redis.send("FLUSHALL") }
    }
  }

  private static func text(_ commands: ArraySlice<[String]>) -> String {
    commands.map { $0.joined(separator: " ") }.joined(separator: "\n")
  }

  private static func words(_ reply: RedisProbe.Reply) -> [String] {
    switch reply {
    case .null: []
    case .integer(let value): ["\(value)"]
    case .bytes(let bytes): [String(decoding: bytes, as: UTF8.self)]
    case .text(let text), .error(let text): [text]
    case .array(let elements):
      elements.map { element in element == .null ? "" : words(element).first ?? "" }
    }
  }

  /// A star stands for anything.
  private static func isEqual(_ seen: [String], _ expected: [String]) -> Bool {
    seen.count == expected.count && zip(seen, expected).allSatisfy { $1 == "*" || $0 == $1 }
  }
}
