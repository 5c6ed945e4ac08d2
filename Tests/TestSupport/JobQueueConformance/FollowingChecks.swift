import JobQueue
import Testing

extension ConformanceCheck {
  static let following = [
    ConformanceCheck("progress arrives as it was told, before the result") { queue async throws in
      let id = JobID.test("a")
      let events = queue.producer.subscribe(to: id)
      try await queue.submit(id)
      let (job, _) = try await queue.runOne()
      for sequence in [1, 3, 2, 3, 5] {
        #expect(try await queue.consumer.emit(queue.progress(job, id, sequence)) == .delivered())
      }
      try await queue.consumer.post(job, id: id, result: [1], replyTo: job.envelope?.replyTo)
      var received: [JobEvent] = []
      for await event in events { received.append(event) }
      #expect(
        received == [1, 3, 2, 3, 5].map { .progress(sequence: $0, body: Array("\($0)".utf8)) } + [
          .finished(result: [1])
        ])
    },
    ConformanceCheck("the progress of a batch reaches the right readers") { queue async throws in
      let ids = (0..<4).map { JobID.test("n\($0)") }
      let streams = ids.map { queue.producer.subscribe(to: $0) }
      for id in ids { try await queue.submit(id) }
      let jobs = try await queue.consumer.claim(upTo: 4, waiting: .seconds(20))
      for (job, id) in zip(jobs, ids) { _ = try await queue.consumer.start(job, id: id, timeToLive: nil) }
      let outcomes = try await queue.consumer.emit(
        zip(jobs, ids).enumerated().map { queue.progress($1.0, $1.1, $0 + 1) })
      #expect(outcomes == Array(repeating: .delivered(), count: 4))
      for (index, stream) in streams.enumerated() {
        var iterator = stream.makeAsyncIterator()
        #expect(await iterator.next() == .progress(sequence: index + 1, body: Array("\(index + 1)".utf8)))
      }
    },
    ConformanceCheck("who attaches to a job is counted, and then told of its progress") {
      queue async throws in
      let id = JobID.test("a")
      try await queue.submit(id)
      let (job, _) = try await queue.runOne()
      #expect(try await queue.consumer.emit(queue.progress(job, id, 1)) == .delivered(attachments: 0))
      let events = queue.producer.subscribe(to: id)
      try await queue.producer.attach(to: id)
      #expect(try await queue.consumer.emit(queue.progress(job, id, 2)) == .delivered(attachments: 1))
      #expect(try await queue.submit(id) == .attached)
      #expect(try await queue.consumer.emit(queue.progress(job, id, 3)) == .delivered(attachments: 2))
      try await queue.consumer.post(job, id: id, result: [1], replyTo: job.envelope?.replyTo)
      var received: [JobEvent] = []
      for await event in events { received.append(event) }
      // The first piece may have been on its way here.
      #expect(
        received.suffix(3) == [2, 3].map { .progress(sequence: $0, body: Array("\($0)".utf8)) } + [
          .finished(result: [1])
        ])
      // Neither is anything there to be told of.
      try await queue.producer.attach(to: id)
      try await queue.producer.attach(to: .test("b"))
    },
    ConformanceCheck("two readers of one job both get everything") { queue async throws in
      let id = JobID.test("a")
      let streams = [queue.producer.subscribe(to: id), queue.producer.subscribe(to: id)]
      try await queue.submit(id)
      let (job, _) = try await queue.runOne()
      _ = try await queue.consumer.emit(queue.progress(job, id, 1))
      try await queue.consumer.post(job, id: id, result: [1], replyTo: job.envelope?.replyTo)
      for stream in streams {
        var received: [JobEvent] = []
        for await event in stream { received.append(event) }
        #expect(received == [.progress(sequence: 1, body: Array("1".utf8)), .finished(result: [1])])
      }
    },
    ConformanceCheck("a reader that falls behind gets a clean beginning and the result") {
      queue async throws in
      let id = JobID.test("a")
      let events = queue.producer.subscribe(to: id)
      try await queue.submit(id)
      let (job, _) = try await queue.runOne()
      for start in stride(from: 1, through: 600, by: 100) {
        _ = try await queue.consumer.emit((start..<start + 100).map { queue.progress(job, id, $0) })
      }
      try await queue.consumer.post(job, id: id, result: [1], replyTo: job.envelope?.replyTo)
      // The other subscriber sees the result last, so the slow reader's events are all in by then.
      #expect(try await queue.producer.waitForResult(of: id) == [1])
      var sequences: [Int] = []
      var result: [UInt8]?
      for await event in events {
        switch event {
        case .progress(let sequence, _): sequences.append(sequence)
        case .finished(let bytes): result = bytes
        }
      }
      #expect(sequences == Array(1...max(1, sequences.count)))
      #expect(result == [1])
    },
    ConformanceCheck("cancelling the task stops the waiting") { queue async throws in
      try await queue.submit(.test("a"))
      let waiting = Task { try await queue.producer.waitForResult(of: .test("a")) }
      waiting.cancel()
      await #expect(throws: JobQueueError.self) { try await waiting.value }
      #expect(try await queue.producer.state(of: .test("a")) == .queued)
    },
  ]
}
