import Foundation
import JobWire
import RedisTestServer
import ServiceUnderTest

/// Gets a job answered, as a good client does: it tries again with the same id until it has the result.
struct Producer: Sendable {
  struct GaveUp: Error, CustomStringConvertible {
    let description: String
  }

  let deployment: Deployment
  private static let patience = Duration.seconds(180)

  /// The result as it was answered.
  func result(of job: ChaosJob, number: Int) async throws -> [UInt8] {
    job.isDirect ? try await direct(job) : try await overHTTP(job, number: number)
  }

  private func overHTTP(_ job: ChaosJob, number: Int) async throws -> [UInt8] {
    let deadline = ContinuousClock.now + Self.patience
    var attempt = 0
    var last = ""
    while ContinuousClock.now < deadline {
      let url = deployment.gatewayURL(number + attempt) + "/generate"
      let (_, output, errors) = try await ChildProcess.run(
        [
          "/usr/bin/curl", "--silent", "--show-error", "--max-time", "70", "--write-out", "\n%{http_code}",
          url,
          "-H", "Idempotency-Key: \(job.id)", "--data-binary", "@-",
        ], input: job.body)
      attempt += 1
      var lines = output.components(separatedBy: "\n")
      let status = Int(lines.removeLast()) ?? 0
      last = "\(status) \(lines.joined()) \(errors)"
      if status == 200 { return Array(lines.joined(separator: "\n").utf8) }
      // 0: the connection broke. What the client itself did wrong would never pass.
      guard [0, 429, 500, 503, 504].contains(status) else { break }
      if status == 500 { break }
      try await Task.sleep(for: .milliseconds(200))
    }
    throw GaveUp(description: "\(job.id) over HTTP: \(last)")
  }

  /// Pushes until Redis has said yes, and then asks for the result.
  private func direct(_ job: ChaosJob) async throws -> [UInt8] {
    let deadline = ContinuousClock.now + Self.patience
    let redis = deployment.redis
    var isAccepted = false
    while ContinuousClock.now < deadline {
      do {
        let probe = try redis.probe()
        if !isAccepted, case .integer = try probe.send("LPUSH", "{gpt2}:q:default", job.body) {
          isAccepted = true
        }
        if isAccepted, let result = try probe.send("GET", "{gpt2}:res:\(job.id)").bytes { return result }
      } catch is RedisTestServer.Failure {
        // Redis is down; what was accepted stays so.
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw GaveUp(description: "\(job.id) by LPUSH: accepted \(isAccepted), but no result")
  }
}
