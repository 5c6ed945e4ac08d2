import Foundation
import JobWire
import RedisTestServer
import ServiceUnderTest
import Testing

/// Real processes, a real Redis, and everything goes wrong. `CHAOS_JOBS`, `CHAOS_FAULTS` and `CHAOS_SEED` set the
/// size of a run and replay its schedule.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct ChaosTests {
  private static func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  @Test func everyAcceptedJobGetsExactlyOneResultWhateverDies() async throws {
    let jobs = Int(Self.setting("CHAOS_JOBS") ?? 160)
    let faults = Int(Self.setting("CHAOS_FAULTS") ?? 16)
    let seed = Self.setting("CHAOS_SEED") ?? .random(in: 0..<1 << 40)
    print("chaos: CHAOS_SEED=\(seed) CHAOS_JOBS=\(jobs) CHAOS_FAULTS=\(faults)")
    let deployment = try await Deployment(gateways: 2, workers: 3)
    let schedule = Schedule(
      seed: seed, count: faults, workers: 3, gateways: 2, leaseMilliseconds: Deployment.leaseMilliseconds)
    let run = ChaosRun(deployment: deployment, schedule: schedule, jobs: jobs, seed: seed)
    let answers = try await run.answers()
    let problems = try await Invariants(deployment: deployment, answers: answers).problems()
    await deployment.finish()
    let all = problems + deployment.problems
    #expect(
      all.isEmpty,
      """
      CHAOS_SEED=\(seed) CHAOS_JOBS=\(jobs) CHAOS_FAULTS=\(faults)
      \(all.prefix(20).joined(separator: "\n"))
      what went wrong on purpose:
      \(deployment.history.joined(separator: "\n"))
      """)
    print("chaos: \(answers.count) jobs answered, \(deployment.history.count) faults")
  }

  @Test func fiveHundredWaitingClientsGetTheirResultsThoughTheGatewayIsKilled() async throws {
    let deployment = try await Deployment(gateways: 1, workers: 1)
    let jobs = (0..<500).map { ChaosJob(number: $0, seed: 7, isDirect: false) }
    let progress = Progress()
    let answers = try await withThrowingTaskGroup(of: (ChaosJob, [UInt8]).self) { group in
      for (number, job) in jobs.enumerated() {
        group.addTask {
          let result = try await Producer(deployment: deployment).result(of: job, number: number)
          progress.noteAnswer()
          return (job, result)
        }
      }
      while progress.answered < 20 { try await Task.sleep(for: .milliseconds(5)) }
      try await deployment.inflict(.killGateway(0))
      return try await group.reduce(into: [(ChaosJob, [UInt8])]()) { $0.append($1) }
    }
    let problems = try await Invariants(deployment: deployment, answers: answers).problems()
    await deployment.finish()
    #expect(answers.count == 500)
    #expect(problems + deployment.problems == [])
  }
}
