import Glibc
import JobWire
import RedisTestServer
import ServiceUnderTest
import Testing

/// Programs that push jobs onto the list themselves, here with the real `redis-cli`.
@Suite(.serialized) struct DirectProducerTests {
  private func redis(_ service: Service, _ arguments: String...) async throws -> String {
    let port = try #require(service.redis?.port)
    let run = try await ChildProcess.run(["/usr/bin/redis-cli", "-p", "\(port)"] + arguments)
    #expect(run.status == 0, "\(run.errors)")
    return run.output.hasSuffix("\n") ? String(run.output.dropLast()) : run.output
  }

  @Test func theResultOfAPushedJobIsFoundUnderItsIDAndAtItsReplyKey() async throws {
    let service = try await Service(.redis)
    let job =
      #"{"id":"cli1","prompt":"The king","max_new_tokens":6,"temperature":0,"reply_to":"{gpt2}:reply:cli1"}"#
    _ = try await redis(service, "LPUSH", "{gpt2}:q:default", job)
    let reply = try await redis(service, "BLPOP", "{gpt2}:reply:cli1", "60")
    let announced = try #require(reply.split(separator: "\n").last)
    let stored = try await redis(service, "GET", "{gpt2}:res:cli1")
    #expect(announced == stored)
    let result = try JobResult.decode(Array(stored.utf8))
    #expect(result.status == .completed)
    #expect(result.choices?.first?.tokens.count == 6)
    let ttl = try await redis(service, "TTL", "{gpt2}:res:cli1")
    #expect((1...600).contains(Int(ttl) ?? 0))
  }

  @Test func junkOnTheListHarmsNobody() async throws {
    let service = try await Service(.redis, workers: 1)
    for junk in ["", "{", "null", #"{"prompt":"no id"}"#, #"{"id":"bad id!","prompt":"x"}"#, "\u{1}\u{2}"] {
      _ = try await redis(service, "LPUSH", "{gpt2}:q:default", junk)
    }
    _ = try await redis(
      service, "LPUSH", "{gpt2}:q:default",
      #"{"id":"range","prompt":"x","top_p":7,"reply_to":"{gpt2}:reply:range"}"#)
    let reply = try await redis(service, "BLPOP", "{gpt2}:reply:range", "60")
    #expect(reply.contains("top_p"))
    #expect(reply.contains("failed"))
    let dead = try await redis(service, "LLEN", "{gpt2}:dead")
    #expect(dead == "6")
    let answer = try await service.generate(#"{"prompt": "x", "max_new_tokens": 1}"#)
    #expect(answer.status == 200)
  }

  @Test func aReplyKeyOutsideItsPlaceIsNotWrittenTo() async throws {
    let service = try await Service(.redis, workers: 1)
    _ = try await redis(
      service, "LPUSH", "{gpt2}:q:default", #"{"id":"evil","prompt":"x","reply_to":"{gpt2}:res:victim"}"#)
    let answer = try await service.generate(#"{"prompt": "after it", "max_new_tokens": 1}"#)
    #expect(answer.status == 200)
    let exists = try await redis(service, "EXISTS", "{gpt2}:res:victim")
    #expect(exists == "0")
    let result = try await redis(service, "GET", "{gpt2}:res:evil")
    #expect(result.contains("reply_to"))
  }

  @Test func copiesOfOneJobThatAreClaimedTogetherRunOnceAndAllAreTold() async throws {
    let service = try await Service(.redis, workers: 0)
    let server = try #require(service.redis)
    for round in 0..<5 {
      for copy in 0..<4 {
        _ = try await redis(
          service, "LPUSH", "{gpt2}:q:default",
          #"{"id":"same\#(round)","prompt":"The king","max_new_tokens":400,"temperature":0.5,"#
            + #""reply_to":"{gpt2}:reply:\#(round)-\#(copy)"}"#)
      }
    }
    // Beats come often: each finds out whose the job is.
    let worker = try Service.worker(server, ["LEASE_SECONDS": "1"])
    for round in 0..<5 {
      for copy in 0..<4 {
        let reply = try await redis(service, "BLPOP", "{gpt2}:reply:\(round)-\(copy)", "60")
        let announced = try #require(reply.split(separator: "\n").last)
        #expect(try await redis(service, "GET", "{gpt2}:res:same\(round)") == announced)
      }
    }
    #expect(try await redis(service, "HGET", "{gpt2}:stats", "posted") == "5")
    #expect(try await redis(service, "HGET", "{gpt2}:stats", "duplicates") == "")
    worker.send(SIGTERM)
    #expect(await worker.exit() == 0)
    #expect(try await redis(service, "KEYS", "{gpt2}:proc:*") == "")
  }

  @Test func theCommandLineEnqueuesWaitsAndLooks() async throws {
    let service = try await Service(.redis, workers: 1)
    let environment = ["REDIS_URL": service.redis?.url ?? ""]
    let waited = try await Program.run(
      [
        "enqueue", "--prompt", "WINNER!! Claim your free prize now, call 09061701461", "--task", "spam",
        "--wait",
      ],
      environment: environment)
    #expect(waited.status == 0, "\(waited.errors)")
    #expect(waited.output.contains(#""label":"spam""#))
    let status = try await Program.run(["queue", "status", "--json"], environment: environment)
    #expect(status.status == 0, "\(status.errors)")
    #expect(status.output.contains(#""alive":true"#))
    let wrong = try await Program.run(
      ["enqueue", "--prompt", "x", "--temperature", "-1"], environment: environment)
    #expect(wrong.status != 0)
    #expect(wrong.errors.contains("temperature"))
  }
}
