import Foundation
import JobWire
import RedisTestServer
import ServiceUnderTest
import Testing

/// Real processes, a real Redis, and everything goes wrong. `CHAOS_JOBS` and `CHAOS_FAULTS` set the size of a run,
/// `CHAOS_SEED` replays its schedule.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct ChaosTests {
  private static func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  @Test func everyAcceptedJobGetsExactlyOneResultWhateverDies() async throws {
    let jobs = Int(Self.setting("CHAOS_JOBS") ?? 240)
    let faults = Int(Self.setting("CHAOS_FAULTS") ?? 24)
    let seed = Self.setting("CHAOS_SEED") ?? .random(in: 0..<1 << 40)
    print("chaos: CHAOS_SEED=\(seed) CHAOS_JOBS=\(jobs) CHAOS_FAULTS=\(faults)")
    let deployment = try await Deployment(gateways: 2, workers: 3)
    let schedule = Schedule(
      seed: seed, count: faults, workers: 3, gateways: 2, leaseMilliseconds: Deployment.leaseMilliseconds)
    let run = ChaosRun(deployment: deployment, schedule: schedule, jobs: jobs, seed: seed)
    var problems: [String] = []
    do {
      let answers = try await run.answers()
      problems = try await Invariants(deployment: deployment, answers: answers).problems()
      let retries = answers.reduce(0) { $0 + $1.tries.count }
      print("chaos: \(answers.count) jobs answered, \(deployment.history.count) faults, \(retries) retries")
      print(deployment.resources.map { "chaos: \($0)" }.joined(separator: "\n"))
    } catch {
      problems = ["\(error)"]
    }
    await deployment.finish()
    problems += run.watch.problems + deployment.problems
    guard !problems.isEmpty else { return }
    Issue.record(
      """
      CHAOS_SEED=\(seed) CHAOS_JOBS=\(jobs) CHAOS_FAULTS=\(faults)
      \(problems.prefix(20).joined(separator: "\n"))
      what went wrong on purpose:
      \(deployment.history.joined(separator: "\n"))
      The output of all processes is in \(try deployment.keepLogs(seed: seed)).
      """)
  }

  @Test func fiveHundredWaitingClientsGetTheirResultsThoughTheGatewayIsKilled() async throws {
    let deployment = try await Deployment(gateways: 1, workers: 1)
    let jobs = (0..<500).map { ChaosJob(number: $0, seed: 7, way: $0 % 2 == 0 ? .waiting : .streaming) }
    let progress = Progress()
    let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
      for (number, job) in jobs.enumerated() {
        group.addTask {
          let answer = try await Producer(deployment: deployment).answer(to: job, number: number)
          progress.noteAnswer()
          return answer
        }
      }
      while progress.answered < 20 { try await Task.sleep(for: .milliseconds(5)) }
      try await deployment.inflict(.killGateway(0))
      return try await group.reduce(into: [Answer]()) { $0.append($1) }
    }
    let problems = try await Invariants(deployment: deployment, answers: answers).problems()
    await deployment.finish()
    #expect(answers.count == 500)
    #expect(problems + deployment.problems == [])
  }
}
