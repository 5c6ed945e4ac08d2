/// Sends jobs while the schedule goes by, the two in step: the faults are spread over the jobs.
struct ChaosRun: Sendable {
  private static let clients = 16

  let deployment: Deployment
  let schedule: Schedule
  let jobs: Int
  let seed: UInt64

  /// The answer to every job.
  func answers() async throws -> [(ChaosJob, [UInt8])] {
    let progress = Progress()
    return try await withThrowingTaskGroup(of: [(ChaosJob, [UInt8])].self) { group in
      group.addTask {
        defer { progress.endFaults() }
        for (index, fault) in schedule.faults.enumerated() {
          let due = jobs * index / (schedule.faults.count + 1)
          while progress.answered < due { try await Task.sleep(for: .milliseconds(2)) }
          try await deployment.inflict(fault)
          progress.noteFault()
        }
        return []
      }
      for client in 0..<Self.clients {
        group.addTask {
          var answers: [(ChaosJob, [UInt8])] = []
          for number in stride(from: client, to: jobs, by: Self.clients) {
            // The jobs don't run ahead of the faults: each fault is to find some under way.
            while progress.faults < number * schedule.faults.count / jobs - 2 {
              try await Task.sleep(for: .milliseconds(2))
            }
            let job = ChaosJob(number: number, seed: seed)
            answers.append((job, try await Producer(deployment: deployment).result(of: job, number: number)))
            progress.noteAnswer()
          }
          return answers
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }
}
