import JobWire
import RedisTestServer
import ServiceUnderTest

/// Cancels jobs, and insists until it knows what became of that.
struct Canceller: Sendable {
  private static let patience = Duration.seconds(180)

  let deployment: Deployment

  /// Whether it was told that the job is cancelled; not if it was too late, or asked for nothing.
  func cancels(_ job: ChaosJob, number: Int) async throws -> Bool {
    guard let delay = job.cancellationMilliseconds else { return false }
    let deadline = ContinuousClock.now + Self.patience
    try await Task.sleep(for: .milliseconds(delay))
    var tries = number
    while ContinuousClock.now < deadline {
      if let outcome = try await job.way == .direct
        ? mark(job) : delete(job, at: deployment.gatewayURL(tries))
      {
        return outcome
      }
      tries += 1
      try await Task.sleep(for: .milliseconds(100))
    }
    throw Producer.GaveUp(description: "nobody tells whether \(job.id) is cancelled")
  }

  /// Leaves the mark of a producer without a gateway; the result then tells whether it came in time.
  private func mark(_ job: ChaosJob) throws -> Bool? {
    do {
      let reply = try deployment.redis.probe().send("SET", "{gpt2}:cxl:\(job.id)", "1", "EX", "300")
      return reply == .text("OK") ? false : nil
    } catch is RedisTestServer.Failure {
      return nil
    }
  }

  /// Nil while the job isn't there yet, or has not stopped yet, or nobody can tell.
  private func delete(_ job: ChaosJob, at url: String) async throws -> Bool? {
    let (code, output, _) = try await ChildProcess.run([
      "/usr/bin/curl", "--silent", "--max-time", "20", "--request", "DELETE", "--write-out", "\n%{http_code}",
      "\(url)/jobs/\(job.id)",
    ])
    guard code == 0 else { return nil }
    switch output.split(separator: "\n").last {
    case "200": return true
    case "404" where output.contains("job_cancelled"): return true
    case "409": return false
    default: return nil
    }
  }
}
