import JobQueue
import Testing

extension ConformanceCheck {
  static let claiming = [
    ConformanceCheck("higher lists go first, and within a list the oldest") { queue async throws in
      for (id, priority) in [
        ("l1", JobPriority.low), ("d1", .default), ("h1", .high), ("d2", .default), ("h2", .high),
      ] { try await queue.submit(.test(id), priority) }
      let jobs = try await queue.consumer.claim(upTo: 10, waiting: .zero)
      #expect(jobs.compactMap { $0.envelope?.id.rawValue } == ["h1", "h2", "d1", "d2", "l1"])
      #expect(jobs.map(\.priority) == [.high, .high, .default, .default, .low])
    },
    ConformanceCheck("no more is claimed than asked for") { queue async throws in
      for number in 0..<5 { try await queue.submit(.test("n\(number)")) }
      #expect(try await queue.consumer.claim(upTo: 3, waiting: .zero).count == 3)
      #expect(try await queue.consumer.claim(upTo: 3, waiting: .zero).count == 2)
      #expect(try await queue.consumer.claim(upTo: 0, waiting: .seconds(60)).isEmpty)
    },
    ConformanceCheck("a stream of urgent jobs doesn't starve the others") { queue async throws in
      try await queue.submit(.test("patient"), .default)
      for number in 0..<20 {
        try await queue.submit(.test("h\(number)"), .high)
        try await queue.submit(.test("l\(number)"), .low)
      }
      var claimed: [String] = []
      for _ in 0..<16 {
        claimed += try await queue.consumer.claim(upTo: 1, waiting: .zero).compactMap {
          $0.envelope?.id.rawValue
        }
      }
      #expect(claimed.contains("patient"))
      #expect(claimed.contains { $0.hasPrefix("l") })
    },
    ConformanceCheck("each of many concurrent claims gets jobs of its own") { queue async throws in
      for number in 0..<50 { try await queue.submit(.test("n\(number)")) }
      let ids = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<8 {
          group.addTask {
            var ids: [String] = []
            while case let jobs = try await queue.consumer.claim(upTo: 3, waiting: .zero), !jobs.isEmpty {
              ids += jobs.compactMap { $0.envelope?.id.rawValue }
            }
            return ids
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(ids.count == 50)
      #expect(Set(ids).count == 50)
    },
    ConformanceCheck("a waiting claim gets the job that arrives, from whichever list", ) {
      queue async throws in
      for priority in JobPriority.allCases {
        async let claimed = queue.consumer.claim(upTo: 4, waiting: .seconds(60))
        try await queue.submit(.test("for-\(priority)"), priority)
        #expect(try await claimed.map(\.priority) == [priority])
      }
    },
    ConformanceCheck("cancelling the task ends a waiting claim") { queue async throws in
      let claim = Task { try await queue.consumer.claim(upTo: 1, waiting: .seconds(3600)) }
      claim.cancel()
      #expect(try await claim.value.isEmpty)
    },
    ConformanceCheck("starting tells the attempt and how long the job waited") { queue async throws in
      try await queue.submit(.test("a"))
      try await queue.advance(.seconds(2))
      let job = try await queue.claimOne()
      #expect(try await queue.producer.state(of: .test("a")) == .queued)
      guard
        case .run(let attempt, let queued) = try await queue.consumer.start(
          job, id: .test("a"), timeToLive: nil)
      else { return #expect(Bool(false), "the job is not to be run") }
      #expect(attempt == 1)
      #expect((queued ?? .zero) >= .seconds(2))
      #expect(try await queue.producer.state(of: .test("a")) == .running(attempt: 1))
    },
    ConformanceCheck("a job that waited too long is not begun") { queue async throws in
      try await queue.submit(.test("late"), ttlMilliseconds: 5_000)
      try await queue.submit(.test("intime"), ttlMilliseconds: 60_000)
      try await queue.advance(.seconds(10))
      let late = try await queue.claimOne()
      #expect(
        try await queue.consumer.start(late, id: .test("late"), timeToLive: late.envelope?.timeToLive)
          == .expired)
      _ = try await queue.runOne()
    },
    ConformanceCheck("a job that was begun in its time doesn't expire when it has to be begun again") {
      queue async throws in
      try await queue.submit(.test("a"))
      let job = try await queue.claimOne()
      guard case .run = try await queue.consumer.start(job, id: .test("a"), timeToLive: .seconds(5)) else {
        return #expect(Bool(false), "not begun")
      }
      try await queue.consumer.release(job)
      try await queue.advance(.seconds(20))
      let again = try await queue.claimOne()
      guard case .run = try await queue.consumer.start(again, id: .test("a"), timeToLive: .seconds(5)) else {
        return #expect(Bool(false), "expired")
      }
    },
    ConformanceCheck("a released job is the next again, with no attempt counted") { queue async throws in
      for id in ["a", "b"] { try await queue.submit(.test(id)) }
      let (job, id) = try await queue.runOne()
      try await queue.consumer.release(job)
      #expect(try await queue.producer.state(of: id) == .running(attempt: 1))
      #expect(try await queue.consumer.emit(queue.progress(job, id, 1)) == .fenced)
      let again = try await queue.claimOne()
      #expect(again.envelope?.id == id)
      guard case .run(attempt: 1, _) = try await queue.consumer.start(again, id: id, timeToLive: nil) else {
        return #expect(Bool(false), "an attempt was counted")
      }
      #expect(try await queue.consumer.emit(queue.progress(again, id, 1)) == .delivered())
    },
  ]
}
