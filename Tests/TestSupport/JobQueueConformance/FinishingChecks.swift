import JobQueue
import Testing

extension ConformanceCheck {
  static let finishing = [
    ConformanceCheck("a posted result is the job's result and reaches who waits") { queue async throws in
      let events = queue.producer.subscribe(to: .test("a"))
      try await queue.submit(.test("a"))
      let (job, id) = try await queue.runOne()
      #expect(try await queue.producer.result(of: id) == nil)
      let outcome = try await queue.consumer.post(
        job, id: id, result: [0, 255, 10], replyTo: job.envelope?.replyTo)
      #expect(outcome == .visible)
      #expect(try await events.result() == [0, 255, 10])
      #expect(try await queue.producer.state(of: id) == .finished(result: [0, 255, 10]))
      #expect(try await queue.producer.waitForResult(of: id) == [0, 255, 10])
      #expect(try await queue.inspector.status().running == 0)
    },
    ConformanceCheck("of two results the first stays") { queue async throws in
      try await queue.submit(.test("a"))
      let (job, id) = try await queue.runOne()
      #expect(try await queue.consumer.post(job, id: id, result: [1], replyTo: nil) == .visible)
      #expect(try await queue.consumer.post(job, id: id, result: [2], replyTo: nil) == .duplicate)
      #expect(try await queue.producer.result(of: id) == [1])
    },
    ConformanceCheck(
      "a job that was given away and finished elsewhere is not begun again"
    ) { queue async throws in
      try await queue.submit(.test("a"))
      let (job, id) = try await queue.runOne()
      try await queue.consumer.release(job)
      let copy = try await queue.claimOne()
      #expect(try await queue.consumer.post(job, id: id, result: [1], replyTo: nil) == .visible)
      #expect(try await queue.consumer.start(copy, id: id, timeToLive: nil) == .alreadyFinished)
      #expect(try await queue.inspector.status().running == 0)
    },
    ConformanceCheck(
      "a buried job is kept with the reason, and its requester is told"
    ) { queue async throws in
      let events = queue.producer.subscribe(to: .test("a"))
      try await queue.submit(.test("a"))
      let (job, id) = try await queue.runOne()
      try await queue.consumer.bury(
        job, id: id, reason: "three\nlines\nlong", result: [9], replyTo: job.envelope?.replyTo)
      #expect(try await events.result() == [9])
      #expect(try await queue.producer.result(of: id) == [9])
      let dead = try await queue.inspector.deadJobs(limit: 10)
      #expect(dead.map(\.id) == [id])
      #expect(dead.map(\.payload) == [job.payload])
      #expect(dead.first?.reason.hasPrefix("three") == true)
      #expect(try await queue.inspector.status().running == 0)
    },
    ConformanceCheck("a payload that is no job can be buried, and blocks nothing") { queue async throws in
      let garbage: [UInt8] = [0, 0xFF, 0x0A, 0xC3]
      _ = try await queue.producer.submit(JobSubmission(id: .test("g"), payload: garbage))
      try await queue.submit(.test("good"))
      let jobs = try await queue.consumer.claim(upTo: 2, waiting: .seconds(20))
      #expect(jobs.map { $0.envelope?.id } == [nil, .test("good")])
      guard let bad = jobs.first else { return }
      try await queue.consumer.bury(bad, id: nil, reason: "no id", result: nil, replyTo: nil)
      #expect(
        try await queue.inspector.deadJobs(limit: 1)
          == [DeadJob(id: nil, reason: "no id", priority: .default, payload: garbage)])
    },
    ConformanceCheck("a job that has its result is not among the dead") { queue async throws in
      try await queue.submit(.test("a"))
      let (job, id) = try await queue.runOne()
      try await queue.consumer.release(job)
      let copy = try await queue.claimOne()
      try await queue.consumer.post(job, id: id, result: [1], replyTo: nil)
      try await queue.consumer.bury(copy, id: id, reason: "r", result: [9], replyTo: nil)
      #expect(try await queue.inspector.deadJobs(limit: 10) == [])
      #expect(try await queue.producer.result(of: id) == [1])
      #expect(try await queue.inspector.status().running == 0)
    },
    ConformanceCheck("a dead job stays dead while its id is of another job, whatever became of that") {
      queue async throws in
      try await queue.submit(.test("a"), fingerprint: "x")
      let (first, id) = try await queue.runOne()
      try await queue.consumer.bury(first, id: id, reason: "r", result: [9], replyTo: nil)
      try await queue.advance(.seconds(70))
      try await queue.submit(id, fingerprint: "y")
      #expect(try await queue.inspector.retryDeadJobs() == 0)
      let (second, _) = try await queue.runOne()
      #expect(try await queue.inspector.retryDeadJobs() == 0)
      #expect(try await queue.consumer.emit(queue.progress(second, id, 1)) == .delivered(attachments: 0))
      try await queue.consumer.post(second, id: id, result: [1], replyTo: nil)
      #expect(try await queue.inspector.retryDeadJobs() == 0)
      #expect(try await queue.producer.result(of: id) == [1])
      #expect(try await queue.inspector.deadJobs(limit: 10).count == 1)
      try await queue.advance(.seconds(70))
      #expect(try await queue.inspector.retryDeadJobs() == 1)
      #expect(try await queue.inspector.deadJobs(limit: 10) == [])
    },
    ConformanceCheck("a dead job that is put back is still the same job, and no longer cancelled") {
      queue async throws in
      try await queue.submit(.test("a"), fingerprint: "x")
      let (job, id) = try await queue.runOne()
      #expect(try await queue.producer.cancel(id, result: [8]) == .requested)
      try await queue.consumer.bury(job, id: id, reason: "r", result: [9], replyTo: nil)
      #expect(try await queue.inspector.retryDeadJobs() == 1)
      let conflict = await #expect(throws: JobQueueError.self) {
        try await queue.submit(id, fingerprint: "y")
      }
      #expect(conflict?.code == .idConflict)
      #expect(try await queue.submit(id, fingerprint: "x") == .attached)
      _ = try await queue.runOne()
    },
    ConformanceCheck("the dead list keeps the newest") { queue async throws in
      for number in 0..<5 {
        try await queue.submit(.test("n\(number)"))
        let (job, id) = try await queue.runOne()
        try await queue.consumer.bury(job, id: id, reason: "r", result: [0], replyTo: nil)
      }
      #expect(try await queue.inspector.deadJobs(limit: 2).map(\.id) == [.test("n4"), .test("n3")])
      #expect(try await queue.inspector.status().dead == QueueUnderTest.limits.deadCapacity)
    },
  ]
}
