import JobQueue
import Testing

extension ConformanceCheck {
  static let cancelling = [
    ConformanceCheck(
      "a waiting job that is cancelled is taken out and has its result"
    ) { queue async throws in
      let id = JobID.test("a")
      let events = queue.producer.subscribe(to: id)
      try await queue.submit(id)
      try await queue.submit(.test("b"))
      #expect(try await queue.producer.cancel(id, result: [7]) == .removed)
      #expect(try await events.result() == [7])
      #expect(try await queue.producer.result(of: id) == [7])
      #expect(try await queue.inspector.status().depth[.default] == 1)
      #expect(try await queue.claimOne().envelope?.id == .test("b"))
    },
    ConformanceCheck("the worker of a running job is told that it was cancelled") { queue async throws in
      let id = JobID.test("a")
      let events = queue.producer.subscribe(to: id)
      try await queue.submit(id)
      let (job, _) = try await queue.runOne()
      #expect(try await queue.consumer.emit(queue.progress(job, id, 1)) == .delivered())
      #expect(try await queue.producer.cancel(id, result: [7]) == .requested)
      var told = queue.consumer.interruptions.makeAsyncIterator()
      #expect(await told.next() == .cancelled(id))
      #expect(try await queue.consumer.emit(queue.progress(job, id, 2)) == .cancelled)
      #expect(
        try await queue.consumer.post(job, id: id, result: [8], replyTo: job.envelope?.replyTo) == .visible)
      #expect(try await events.result() == [8])
    },
    ConformanceCheck("a job that is cancelled between claim and start is not begun") { queue async throws in
      let id = JobID.test("a")
      try await queue.submit(id)
      let job = try await queue.claimOne()
      #expect(try await queue.producer.cancel(id, result: [7]) == .requested)
      #expect(try await queue.consumer.start(job, id: id, timeToLive: nil) == .cancelled)
      #expect(try await queue.consumer.post(job, id: id, result: [7], replyTo: nil) == .visible)
    },
    ConformanceCheck(
      "cancelling comes too late for a finished job, and knows no unknown one"
    ) { queue async throws in
      let id = JobID.test("a")
      try await queue.submit(id)
      let (job, _) = try await queue.runOne()
      try await queue.consumer.post(job, id: id, result: [1], replyTo: nil)
      #expect(try await queue.producer.cancel(id, result: [7]) == .alreadyFinished)
      #expect(try await queue.producer.result(of: id) == [1])
      #expect(try await queue.producer.cancel(.test("never"), result: [7]) == .unknown)
    },
  ]
}
