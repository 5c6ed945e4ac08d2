import Foundation
import JobWire
import RedisTestServer
import ServiceUnderTest

/// What must hold when all is calm again, seen from the outside.
struct Invariants {
  let deployment: Deployment
  let answers: [Answer]

  /// What doesn't hold.
  func problems() async throws -> [String] {
    let probe = try deployment.redis.probe()
    return try await leftovers(probe) + stored(probe) + announced(probe) + seen() + cancelled() + repeated()
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
    try answers.compactMap { answer in
      let kept = try probe.send("GET", "{gpt2}:res:\(answer.job.id)").bytes
      if kept == answer.body { return nil }
      return "\(answer.story): answered \(text(answer.body)), but kept is \(text(kept ?? []))"
    }
  }

  /// Whoever pushed a job once is told once; who pushed it again may be told again, the same.
  private func announced(_ probe: RedisProbe) throws -> [String] {
    try answers.filter { $0.job.way == .direct }.compactMap { answer in
      let told = try probe.send("LRANGE", answer.job.replyList, "0", "-1").array?.compactMap(\.bytes) ?? []
      let isRight = (1...answer.pushes).contains(told.count) && told.allSatisfy { $0 == answer.body }
      return isRight ? nil : "\(answer.story): pushed \(answer.pushes) times, told \(told.map(text))"
    }
  }

  /// What the producers themselves found wrong, and streams that broke off with another text.
  private func seen() -> [String] {
    answers.flatMap { answer in
      let completion = answer.result?.completion ?? ""
      let broken = answer.result?.status == .cancelled ? [] : answer.brokenTexts
      return answer.violations.map { "\(answer.story): \($0)" }
        + broken.filter { !completion.hasPrefix($0) }.map {
          "\(answer.story): streamed “\($0)” before it broke off, but the result is “\(completion)”"
        }
    }
  }

  /// Who was told that a job is cancelled finds it so; no other job is.
  private func cancelled() -> [String] {
    answers.compactMap { answer in
      let isCancelled = answer.result?.status == .cancelled
      if isCancelled, answer.job.cancellationMilliseconds == nil {
        return "\(answer.story): cancelled by nobody"
      }
      if !isCancelled, answer.isCancelled {
        return "\(answer.story): said to be cancelled, but the result is \(text(answer.body))"
      }
      return nil
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
          for index in stride(from: client, to: answers.count, by: clients)
          where answers[index].result?.status != .cancelled {
            let answer = answers[index]
            let (_, output, _) = try await ChildProcess.run(
              ["/usr/bin/curl", "--silent", url, "--data-binary", "@-"], input: answer.job.body)
            let expected = try JobResult.decode(Array(output.utf8))
            let seen = try JobResult.decode(answer.body)
            if seen.status != .completed || seen.completion != expected.completion
              || seen.choices?.first?.tokens != expected.choices?.first?.tokens
            {
              problems.append("\(answer.story): undisturbed \(output), but answered \(text(answer.body))")
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
