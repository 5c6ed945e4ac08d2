import JobQueue
import Testing

extension ConformanceCheck {
  static let inspecting = [
    ConformanceCheck("the status counts what waits, runs and died") { queue async throws in
      for (id, priority) in [("a", JobPriority.high), ("b", .default), ("c", .default), ("d", .low)] {
        try await queue.submit(.test(id), priority)
      }
      let (job, id) = try await queue.runOne()
      try await queue.consumer.bury(job, id: id, reason: "r", result: nil, replyTo: nil)
      _ = try await queue.runOne()
      try await queue.advance(.seconds(30))
      let status = try await queue.inspector.status()
      #expect(status.depth == [.high: 0, .default: 1, .low: 1])
      #expect(status.running == 1)
      #expect(status.dead == 1)
      #expect(status.paused == false)
      #expect(status.workers.map(\.id) == [queue.consumer.workerID])
      #expect((status.oldestWait ?? .zero) >= .seconds(30))
    },
    ConformanceCheck("nothing is claimed while the queue is paused") { queue async throws in
      try await queue.submit(.test("a"))
      try await queue.inspector.setPaused(true)
      #expect(try await queue.inspector.status().paused)
      #expect(try await queue.consumer.claim(upTo: 1, waiting: .zero).isEmpty)
      async let claimed = queue.consumer.claim(upTo: 1, waiting: .seconds(60))
      try await queue.inspector.setPaused(false)
      #expect(try await claimed.count == 1)
    },
    ConformanceCheck("a queue with a worker is ready") { queue async throws in
      _ = try await queue.consumer.claim(upTo: 1, waiting: .zero)
      try await queue.inspector.ready()
    },
    ConformanceCheck("dead jobs can be tried again, or thrown away") { queue async throws in
      for id in ["a", "b"] { try await queue.submit(.test(id)) }
      for _ in 0..<2 {
        let (job, id) = try await queue.runOne()
        try await queue.consumer.bury(job, id: id, reason: "r", result: [9], replyTo: nil)
      }
      #expect(try await queue.inspector.retryDeadJobs() == 2)
      #expect(try await queue.inspector.deadJobs(limit: 9).isEmpty)
      let (job, id) = try await queue.runOne()
      #expect(id == .test("a"))
      #expect(try await queue.consumer.post(job, id: id, result: [1], replyTo: nil) == .visible)
      let (other, otherID) = try await queue.runOne()
      try await queue.consumer.bury(other, id: otherID, reason: "r", result: [9], replyTo: nil)
      #expect(try await queue.inspector.purgeDeadJobs() == 1)
      #expect(try await queue.inspector.status().dead == 0)
    },
  ]
}
