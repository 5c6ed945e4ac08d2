import Foundation
import JobWire
import RedisTestServer
import ServiceUnderTest

/// What must hold when all is calm again, seen from the outside.
struct Invariants {
  let deployment: Deployment
  let answers: [(job: ChaosJob, body: [UInt8])]

  init(deployment: Deployment, answers: [(ChaosJob, [UInt8])]) {
    self.deployment = deployment
    self.answers = answers.map { ($0.0, $0.1) }
  }

  /// What doesn't hold.
  func problems() async throws -> [String] {
    let probe = try deployment.redis.probe()
    return try await leftovers(probe) + stored(probe) + repeated()
  }

  /// Nothing waits or runs any more, and everything that is kept will go by itself.
  private func leftovers(_ probe: RedisProbe) async throws -> [String] {
    var found: [String] = []
    // A worker that died last is noticed after its lease.
    for _ in 0..<1_000 {
      found = []
      for key in try probe.send("KEYS", "*").array?.compactMap(\.string) ?? [] {
        let isWork = key.contains(":q:") || key.contains(":proc:") || key.hasSuffix(":dead")
        if isWork { found.append("\(key) is left with \(try probe.send("LLEN", key).integer ?? 0) entries") }
        if !isWork, try probe.send("PTTL", key).integer == -1 { found.append("\(key) has no time to live") }
      }
      if found.isEmpty { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    return found
  }

  /// What was answered is what is kept.
  private func stored(_ probe: RedisProbe) throws -> [String] {
    try answers.compactMap { job, body in
      let kept = try probe.send("GET", "{gpt2}:res:\(job.id)").bytes
      if kept == body { return nil }
      return "\(job.id): answered \(text(body)), but kept is \(text(kept ?? []))"
    }
  }

  /// A service in which nothing went wrong gives the same texts and labels.
  private func repeated() async throws -> [String] {
    let calm = try Program(
      ["serve", "--port", "0"], environment: ["KV_CACHE_MB": "64", "LOG_LEVEL": "notice"])
    guard let line = await calm.line(containing: "listening on http://"),
      let range = line.firstRange(of: #/http://127\.0\.0\.1:\d+/#)
    else { throw ChildProcess.Failure(description: "the service did not start:\n\(calm.output)") }
    let url = String(line[range]) + "/generate"
    return try await withThrowingTaskGroup(of: [String].self) { group in
      let clients = 8
      for client in 0..<clients {
        group.addTask {
          var problems: [String] = []
          for index in stride(from: client, to: answers.count, by: clients) {
            let (job, body) = answers[index]
            let (_, output, _) = try await ChildProcess.run(
              ["/usr/bin/curl", "--silent", url, "--data-binary", "@-"], input: job.body)
            let expected = try JobResult.decode(Array(output.utf8))
            let seen = try JobResult.decode(body)
            if seen.status != .completed || seen.completion != expected.completion
              || seen.choices?.first?.tokens != expected.choices?.first?.tokens
            {
              problems.append("\(job.id): undisturbed \(output), but answered \(text(body))")
            }
          }
          return problems
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
