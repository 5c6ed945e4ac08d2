import JobQueue
import Testing

extension ConformanceCheck {
  static let submitting = [
    ConformanceCheck("a submitted job arrives as it was sent, and only once") { queue async throws in
      let id = JobID.test("a")
      #expect(try await queue.submit(id) == .queued(position: 1))
      let job = try await queue.claimOne()
      #expect(job.payload == TestPayload.make(id, replyTo: queue.producer.replyAddress?.rawValue))
      #expect(job.envelope?.id == id)
      #expect(job.attemptsExhausted == false)
      #expect(try await queue.consumer.claim(upTo: 5, waiting: .zero).isEmpty)
    },
    ConformanceCheck("positions count the jobs of a list") { queue async throws in
      #expect(try await queue.submit(.test("a")) == .queued(position: 1))
      #expect(try await queue.submit(.test("b")) == .queued(position: 2))
      #expect(try await queue.submit(.test("c"), .high) == .queued(position: 1))
    },
    ConformanceCheck("a full list refuses, with a hint when to come back") { queue async throws in
      for number in 0..<QueueUnderTest.limits.capacity { try await queue.submit(.test("n\(number)")) }
      let error = await #expect(throws: JobQueueError.self) { try await queue.submit(.test("more")) }
      #expect(error?.code == .queueFull)
      #expect(error?.retryAfter != nil)
      #expect(try await queue.producer.state(of: .test("more")) == .unknown)
      #expect(try await queue.submit(.test("urgent"), .high) == .queued(position: 1))
    },
    ConformanceCheck("the limit holds when many submit at the same moment") { queue async throws in
      let accepted = await withTaskGroup(of: Bool.self) { group in
        for number in 0..<120 {
          group.addTask { (try? await queue.submit(.test("n\(number)"))) != nil }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(accepted == QueueUnderTest.limits.capacity)
      #expect(try await queue.inspector.status().depth[.default] == QueueUnderTest.limits.capacity)
    },
    ConformanceCheck(
      "the same id attaches while the job waits or runs, and later gets the result"
    ) { queue async throws in
      let id = JobID.test("a")
      try await queue.submit(id)
      #expect(try await queue.submit(id) == .attached)
      let (job, _) = try await queue.runOne()
      #expect(try await queue.submit(id) == .attached)
      try await queue.consumer.post(job, id: id, result: [1, 0, 2], replyTo: job.envelope?.replyTo)
      #expect(try await queue.submit(id) == .finished(result: [1, 0, 2]))
      #expect(try await queue.consumer.claim(upTo: 1, waiting: .zero).isEmpty)
    },
    ConformanceCheck("an id can't be used again for something else") { queue async throws in
      let id = JobID.test("a")
      try await queue.submit(id, fingerprint: "one")
      #expect(try await queue.submit(id, fingerprint: "one") == .attached)
      #expect(try await queue.submit(id) == .attached)
      await #expect { try await queue.submit(id, fingerprint: "two") } throws: {
        ($0 as? JobQueueError)?.code == .idConflict
      }
      let (job, _) = try await queue.runOne()
      try await queue.consumer.post(job, id: id, result: [1], replyTo: nil)
      #expect(try await queue.submit(id, fingerprint: "one") == .finished(result: [1]))
      await #expect { try await queue.submit(id, fingerprint: "two") } throws: {
        ($0 as? JobQueueError)?.code == .idConflict
      }
    },
    ConformanceCheck("a result is forgotten after its time, and the id is free again") { queue async throws in
      let id = JobID.test("a")
      try await queue.submit(id)
      let (job, _) = try await queue.runOne()
      try await queue.consumer.post(job, id: id, result: [1], replyTo: nil)
      try await queue.advance(.seconds(59))
      #expect(try await queue.producer.result(of: id) == [1])
      try await queue.advance(.seconds(2))
      #expect(try await queue.producer.result(of: id) == nil)
      #expect(try await queue.producer.state(of: id) == .unknown)
      #expect(try await queue.submit(id) == .queued(position: 1))
    },
  ]
}
