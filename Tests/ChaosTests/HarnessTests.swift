import RedisTestServer
import Testing

/// The harness notices what it is there to notice.
struct HarnessTests {
  private func schedule(_ seed: UInt64) -> [[String]] {
    Schedule(seed: seed, count: 300, workers: 3, gateways: 2, leaseMilliseconds: 2_000).steps.map {
      $0.map(\.description)
    }
  }

  @Test func theFaultsFollowFromTheSeed() {
    #expect(schedule(5) == schedule(5))
    #expect(schedule(5) != schedule(6))
    #expect(schedule(5).joined().count == 300)
    #expect(schedule(5).contains { $0.count == 2 })
  }

  @Test func theJobsFollowFromTheSeed() {
    let messages = { (seed: UInt64) in (0..<50).map { ChaosJob(number: $0, seed: seed).message } }
    #expect(messages(5) == messages(5))
    #expect(messages(5) != messages(6))
  }

  @Test(arguments: [["SET", "{gpt2}:res:x", "other"], ["DEL", "{gpt2}:res:x"]])
  func aResultThatChangesIsNoticed(change: [String]) throws {
    let redis = try RedisTestServer()
    let probe = try redis.probe()
    let watch = ResultWatch()
    watch.add("x")
    watch.look(at: redis)
    try probe.send("SET", "{gpt2}:res:x", "result")
    watch.look(at: redis)
    watch.look(at: redis)
    #expect(watch.problems.isEmpty)
    try probe.send(change.map { Array($0.utf8) })
    watch.look(at: redis)
    #expect(watch.problems.count == 1)
  }

  @Test func aStreamThatBrokeOffHasNoResult() {
    let token = #"data: {"id":"x","index":0,"text":" The","token":1}"# + "\n\n"
    let result = #"data: {"id":"x","status":"completed"}"# + "\n\n"
    let whole = StreamedAnswer(token + ": ping\n\n" + token + result + "data: [DONE]\n\n")
    #expect(whole.text == " The The")
    #expect(whole.results.count == 1)
    #expect(whole.ends == 1)
    let broken = StreamedAnswer(token + #"data: {"id":"x","status":"comp"#)
    #expect(broken.text == " The")
    #expect(broken.results.isEmpty)
    #expect(broken.errors.isEmpty)
    #expect(broken.ends == 0)
  }
}
