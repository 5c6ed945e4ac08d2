/// Sends jobs while the schedule goes by, the two in step: the faults are spread over the jobs.
struct ChaosRun: Sendable {
  private static let clients = 16

  let deployment: Deployment
  let schedule: Schedule
  let jobs: Int
  let seed: UInt64
  let watch = ResultWatch()

  /// The answers to all jobs.
  func answers() async throws -> [Answer] {
    let progress = Progress()
    return try await withThrowingTaskGroup(of: [Answer].self) { group in
      group.addTask {
        defer { progress.endFaults() }
        try await inflictAll(progress)
        return []
      }
      group.addTask {
        while progress.answered < jobs {
          watch.look(at: deployment.redis)
          try deployment.inspect()
          try await Task.sleep(for: .milliseconds(50))
        }
        return []
      }
      for client in 0..<Self.clients {
        group.addTask { try await produce(client, progress) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
  }

  private func inflictAll(_ progress: Progress) async throws {
    for (index, step) in schedule.steps.enumerated() {
      let due = jobs * index / (schedule.steps.count + 1)
      while progress.answered < due { try await Task.sleep(for: .milliseconds(2)) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for fault in step { group.addTask { try await deployment.inflict(fault) } }
        try await group.waitForAll()
      }
      progress.noteFault()
    }
  }

  private func produce(_ client: Int, _ progress: Progress) async throws -> [Answer] {
    var answers: [Answer] = []
    for number in stride(from: client, to: jobs, by: Self.clients) {
      // The jobs don't run ahead of the faults: each fault is to find some under way.
      while progress.faults < number * schedule.steps.count / jobs - 2 {
        try await Task.sleep(for: .milliseconds(2))
      }
      let job = ChaosJob(number: number, seed: seed)
      watch.add(job.id)
      answers.append(try await Producer(deployment: deployment).answer(to: job, number: number))
      progress.noteAnswer()
    }
    return answers
  }
}
