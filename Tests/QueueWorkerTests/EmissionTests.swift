import JobQueue
import JobWire
import QueueWorker
import ServiceLifecycle
import Testing

/// The tokens of streamed jobs on their way to the requester.
@Suite(.timeLimit(.minutes(1))) struct EmissionTests {
  /// What the worker tells the queue of one job.
  ///
  /// - Parameters:
  ///   - interval: an hour stands for: longer than the job.
  ///   - type: makes tokens, numbered from 0; what it returns interrupts the task.
  private func run(
    _ queue: RecordingQueue, stream: Bool = true, interval: Duration = .seconds(3600),
    _ type: @escaping TypingTask.Typing
  ) async throws -> [RecordingQueue.Call] {
    var configuration = WorkerConfiguration(drain: .seconds(60))
    configuration.pieceInterval = interval
    let task = TypingTask(typing: type)
    let worker = Worker(
      queue: queue, tasks: TaskRegistry(tasks: [:], fallback: task), configuration: configuration,
      logger: quiet)
    let id = try #require(JobID("e1"))
    var job = JobRequest(id: "e1", prompts: [.text("x")])
    job.stream = stream
    _ = try await queue.base.submit(JobSubmission(id: id, payload: job.encode()))
    let group = ServiceGroup(services: [worker], logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { services in
      services.addTask { try await group.run() }
      await task.ended()
      await group.triggerGracefulShutdown()
      try await services.waitForAll()
    }
    return queue.calls
  }

  private static func piece(_ first: Int, count: Int) -> JobPiece {
    JobPiece(first: first, tokens: (first..<first + count).map { JobPiece.Token(token: $0, text: "t\($0)") })
  }

  @Test func theFirstTokenGoesAtOnceAndTheRestTogetherBeforeTheResult() async throws {
    let queue = RecordingQueue()
    let calls = try await run(queue) { token, _ in
      token(0)
      await queue.waitForPieces(1)
      for number in 1..<10 { token(number) }
      return nil
    }
    #expect(calls == [.emit(Self.piece(0, count: 1)), .emit(Self.piece(1, count: 9)), .post(.completed)])
  }

  @Test func howeverTokensAreGatheredEachGoesOnceAndInOrder() async throws {
    let queue = RecordingQueue()
    let calls = try await run(queue, interval: .microseconds(50)) { token, _ in
      for number in 0..<300 {
        token(number)
        for _ in 0..<number % 5 { await Task.yield() }
      }
      return nil
    }
    #expect(queue.pieces.flatMap(\.tokens) == Self.piece(0, count: 300).tokens)
    var end = 0
    for piece in queue.pieces {
      #expect(piece.first == end)
      end = piece.end
    }
    #expect(calls.last == .post(.completed))
  }

  @Test func aJobThatIsNotStreamedTellsNothing() async throws {
    let calls = try await run(RecordingQueue(), stream: false) { token, _ in
      token(0)
      return nil
    }
    #expect(calls == [.post(.completed)])
  }

  @Test func tokensThatCouldNotBeSentGoWithTheNextPiece() async throws {
    let queue = RecordingQueue { number throws(JobQueueError) in
      if number == 0 { throw JobQueueError(.unavailable, "gone") }
      return .delivered()
    }
    let calls = try await run(queue, interval: .zero) { token, _ in
      token(0)
      await queue.waitForPieces(1)
      token(1)
      await queue.waitForPieces(2)
      return nil
    }
    #expect(
      calls == [.emit(Self.piece(0, count: 1)), .emit(Self.piece(0, count: 2)), .post(.completed)])
  }

  @Test func whoComesLateGetsEverythingWithTheNextToken() async throws {
    let queue = RecordingQueue { .delivered(attachments: $0 == 0 ? 5 : 6) }
    let calls = try await run(queue, interval: .zero) { token, _ in
      for number in 0..<4 {
        token(number)
        await queue.waitForPieces(number + 1)
      }
      return nil
    }
    #expect(
      calls == [
        .emit(Self.piece(0, count: 1)), .emit(Self.piece(1, count: 1)), .emit(Self.piece(0, count: 3)),
        .emit(Self.piece(3, count: 1)), .post(.completed),
      ])
  }

  @Test func whileTheQueueIsAwayTheJobGoesOnAndItsResultIsPosted() async throws {
    let queue = RecordingQueue { _ throws(JobQueueError) in throw JobQueueError(.unavailable, "gone") }
    let calls = try await run(queue) { token, _ in
      for number in 0..<3 { token(number) }
      await queue.waitForPieces(1)
      return nil
    }
    #expect(queue.pieces.last == Self.piece(0, count: 3))
    #expect(calls.last == .post(.completed))
  }

  @Test func aJobThatIsAnothersByNowStopsAndIsLeftAlone() async throws {
    let queue = RecordingQueue { _ in .fenced }
    let calls = try await run(queue) { token, interruption in
      token(0)
      return await interruption()
    }
    #expect(calls == [.emit(Self.piece(0, count: 1))])
  }

  @Test func aJobWhoseLastPieceFindsItAnothersIsNotPosted() async throws {
    let queue = RecordingQueue { $0 == 0 ? .delivered() : .fenced }
    let calls = try await run(queue) { token, _ in
      token(0)
      await queue.waitForPieces(1)
      token(1)
      return nil
    }
    #expect(calls == [.emit(Self.piece(0, count: 1)), .emit(Self.piece(1, count: 1))])
  }

  @Test func aJobWhoseRequesterCancelledStopsAndSaysSo() async throws {
    let queue = RecordingQueue { _ in .cancelled }
    let calls = try await run(queue) { token, interruption in
      token(0)
      return await interruption()
    }
    #expect(calls == [.emit(Self.piece(0, count: 1)), .post(.cancelled)])
  }
}

/// Makes the tokens that a test says.
private struct TypingTask: JobTask {
  typealias Typing =
    @Sendable (
      _ token: @Sendable (Int) -> Void, _ interruption: @Sendable () async -> Interruption
    ) async -> Interruption?

  let typing: Typing
  private let end = AsyncStream<Void>.makeStream()

  init(typing: @escaping Typing) { self.typing = typing }

  func ended() async { for await _ in end.stream { return } }

  func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?, onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    defer { end.continuation.yield() }
    let ending = await typing(
      { onToken?(0, JobPiece.Token(token: $0, text: "t\($0)")) },
      {
        while true {
          if let interruption = interruption() { return interruption }
          await Task.yield()
        }
      })
    if let ending { throw .interrupted(ending) }
    return answer("done")
  }
}
