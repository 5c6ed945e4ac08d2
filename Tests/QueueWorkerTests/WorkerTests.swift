import JobQueue
import JobWire
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import QueueWorker

/// The worker on a queue in memory, with tasks that tests control.
@Suite struct WorkerTests {
  @Test func aJobIsRunAndItsResultPosted() async throws {
    try await withWorker(fallback: EchoTask()) { queue in
      var request = JobRequest(id: "a1", prompts: [.text("hello")])
      request.seed = 5
      let result = try await queue.result(of: request)
      #expect(result.status == .completed)
      #expect(result.completion == "hello")
      #expect(result.id == "a1")
      #expect(result.attempts == 1)
      #expect(result.seed == 5)
      #expect(result.worker == "embedded")
      #expect(result.timings?.queueMilliseconds != nil)
    }
  }

  @Test func theTaskNameChoosesTheTaskAndUnknownNamesAreThePlainOne() async throws {
    try await withWorker(tasks: ["shout": EchoTask(suffix: "!")], fallback: EchoTask()) { queue in
      let named = try await queue.result(of: JobRequest(id: "1", prompts: [.text("a")], taskName: "shout"))
      #expect(named.completion == "a!")
      let unknown = try await queue.result(of: JobRequest(id: "2", prompts: [.text("a")], taskName: "other"))
      #expect(unknown.completion == "a")
      let unnamed = try await queue.result(of: JobRequest(id: "3", prompts: [.text("a")]))
      #expect(unnamed.completion == "a")
    }
  }

  @Test func noJobIsTakenWhileATaskHasNoRoom() async throws {
    let task = FullTask()
    try await withWorker(fallback: task) { queue in
      await task.waitUntilAsked()
      let id = try #require(JobID("w1"))
      let events = queue.subscribe(to: id)
      _ = try await queue.submit(
        JobSubmission(id: id, payload: JobRequest(id: "w1", prompts: [.text("x")]).encode()))
      for _ in 0..<1000 { await Task.yield() }
      task.open()
      #expect(try JobResult.decode(try await events.result()).completion == "x")
      #expect(!task.begunTooSoon)
    }
  }

  @Test func aTaskThatFailsGivesAFailedResultThatNamesTheFault() async throws {
    let failure = JobFailure(code: .contextLengthExceeded, message: "too long", param: "max_new_tokens")
    try await withWorker(fallback: FailingTask(failure: failure)) { queue in
      let result = try await queue.result(of: JobRequest(id: "f", prompts: [.text("x")]))
      #expect(result.status == .failed)
      #expect(result.error == failure)
    }
  }

  @Test func aJobWithAValueOutOfRangeIsAnsweredWithTheFieldsName() async throws {
    try await withWorker(fallback: EchoTask()) { queue in
      let payload = Array(#"{"id":"bad1","prompt":"x","temperature":-1}"#.utf8)
      let result = try await queue.result(ofPayload: payload, id: "bad1")
      #expect(result.status == .failed)
      #expect(result.error?.param == "temperature")
    }
  }

  @Test func aPayloadThatIsNoJobGoesToTheDeadListAndTheWorkerLivesOn() async throws {
    try await withWorker(fallback: EchoTask()) { queue in
      for (index, text) in ["{", "[]", #"{"prompt":"no id"}"#, "\u{0}\u{1}"].enumerated() {
        let id = try #require(JobID("junk\(index)"))
        _ = try await queue.submit(JobSubmission(id: id, payload: Array(text.utf8)))
      }
      // One list keeps its order: when the job behind the junk is done, the junk was taken.
      let good = try await queue.result(of: JobRequest(id: "good", prompts: [.text("x")]))
      #expect(good.completion == "x")
      let dead = try await queue.deadJobs(limit: 10)
      #expect(dead.count == 4)
      #expect(dead.allSatisfy { !$0.reason.isEmpty })
    }
  }

  @Test func aRunningJobStopsWhenItIsCancelled() async throws {
    let task = EndlessTask()
    try await withWorker(fallback: task) { queue in
      let id = try #require(JobID("c1"))
      let events = queue.subscribe(to: id)
      _ = try await queue.submit(
        JobSubmission(id: id, payload: JobRequest(id: "c1", prompts: [.text("x")]).encode()))
      await task.started()
      _ = try await queue.cancel(id, result: JobResult.cancelled(id: "c1").encode())
      let result = try JobResult.decode(try await events.result())
      #expect(result.status == .cancelled)
    }
  }

  @Test func noMoreJobsAreTakenThanThereAreSlots() async throws {
    let task = GatedTask()
    try await withWorker(fallback: task, slots: 2) { queue in
      let ids = (0..<5).map { "s\($0)" }
      try await withThrowingTaskGroup(of: JobResult.self) { group in
        for id in ids {
          group.addTask { try await queue.result(of: JobRequest(id: id, prompts: [.text(id)])) }
        }
        await task.waitForRunning(2)
        let status = try await queue.status()
        #expect(status.running == 2)
        task.open()
        for try await result in group { #expect(result.status == .completed) }
      }
      #expect(task.mostAtOnce == 2)
    }
  }

  @Test func aJobThatWorkersDiedOfRunsAlone() async throws {
    let task = GatedTask()
    let queue = SuspectQueue(suspect: "s2", InMemoryJobQueue(identify: identify))
    let worker = Worker(
      queue: queue, tasks: TaskRegistry(tasks: [:], fallback: task),
      configuration: WorkerConfiguration(maxConcurrentJobs: 8, drain: .seconds(60)), logger: quiet)
    for index in 0..<5 {
      let id = "s\(index)"
      _ = try await queue.base.submit(
        JobSubmission(id: try #require(JobID(id)), payload: JobRequest(id: id, prompts: [.text(id)]).encode())
      )
    }
    let group = ServiceGroup(services: [queue.base, worker], logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      // Those that were claimed with the suspect run first, and nothing more is claimed meanwhile.
      await task.waitForRunning(3)
      while try await queue.base.status().depth[.default] != 1 { await Task.yield() }
      task.open()
      for index in 0..<5 {
        _ = try await queue.base.waitForResult(of: try #require(JobID("s\(index)")))
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    #expect(task.company["s2"] == 1)
    #expect(task.mostAtOnce == 3)
  }

  /// Runs the worker, tells it to stop once `body` returned, and waits for its end.
  private func stop(_ worker: Worker, after body: () async -> Void) async throws {
    let group = ServiceGroup(services: [worker], logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      await body()
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  @Test func aJobThatIsCancelledInTheMomentOfItsStartStops() async throws {
    let queue = HastyQueue()
    let worker = Worker(
      queue: queue, tasks: TaskRegistry(tasks: [:], fallback: EndlessTask()),
      configuration: WorkerConfiguration(drain: .seconds(60)), logger: quiet)
    let id = try #require(JobID("h1"))
    let events = queue.base.subscribe(to: id)
    _ = try await queue.base.submit(
      JobSubmission(id: id, payload: JobRequest(id: "h1", prompts: [.text("x")]).encode()))
    try await stop(worker) { _ = try? await events.result() }
    let result = try #require(try await queue.base.result(of: id))
    #expect(try JobResult.decode(result).status == .cancelled)
  }

  @Test func onShutdownTheRestGoesBackToTheQueue() async throws {
    let task = EndlessTask()
    let queue = InMemoryJobQueue(identify: identify)
    let worker = Worker(
      queue: queue, tasks: TaskRegistry(tasks: [:], fallback: task),
      configuration: WorkerConfiguration(drain: .milliseconds(1)), logger: quiet)
    let id = try #require(JobID("d1"))
    _ = try await queue.submit(
      JobSubmission(id: id, payload: JobRequest(id: "d1", prompts: [.text("x")]).encode()))
    try await stop(worker) { await task.started() }
    let status = try await queue.status()
    #expect(status.running == 0)
    #expect(status.depth[.default] == 1)
    let state = try await queue.state(of: id)
    #expect(state == .running(attempt: 1))
  }

  @Test func aWorkerThatCanNotHandBackItsJobsEndsAllTheSame() async throws {
    let task = EndlessTask()
    let queue = UnreachableQueue()
    var configuration = WorkerConfiguration(drain: .milliseconds(1))
    configuration.handBack = .milliseconds(50)
    configuration.retryDelay = .milliseconds(1)
    let worker = Worker(
      queue: queue, tasks: TaskRegistry(tasks: [:], fallback: task), configuration: configuration,
      logger: quiet)
    _ = try await queue.base.submit(
      JobSubmission(
        id: try #require(JobID("u1")), payload: JobRequest(id: "u1", prompts: [.text("x")]).encode()))
    try await stop(worker) { await task.started() }
    #expect(queue.releases.withLock { $0 } > 1)
  }

  @Test func aRunningJobIsFinishedWithinTheDrain() async throws {
    let task = GatedTask()
    let queue = InMemoryJobQueue(identify: identify)
    let worker = Worker(
      queue: queue, tasks: TaskRegistry(tasks: [:], fallback: task),
      configuration: WorkerConfiguration(drain: .seconds(60)), logger: quiet)
    let id = try #require(JobID("d2"))
    _ = try await queue.submit(
      JobSubmission(id: id, payload: JobRequest(id: "d2", prompts: [.text("x")]).encode()))
    let group = ServiceGroup(services: [worker], logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      await task.waitForRunning(1)
      await group.triggerGracefulShutdown()
      task.open()
      try await tasks.waitForAll()
    }
    let result = try #require(try await queue.result(of: id))
    let decoded = try JobResult.decode(result)
    #expect(decoded.status == .completed)
  }
}

// MARK: - A queue whose jobs are cancelled before their worker knows that they run

private struct HastyQueue: ForwardingConsumer {
  let base = InMemoryJobQueue(identify: identify)

  func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?
  ) async throws(JobQueueError) -> StartOutcome {
    let outcome = try await base.start(job, id: id, timeToLive: timeToLive)
    _ = try await base.cancel(id, result: [])
    // The worker hears of it meanwhile.
    try? await Task.sleep(for: .milliseconds(30))
    return outcome
  }
}

// MARK: - A queue that is away when its jobs come back

private final class UnreachableQueue: ForwardingConsumer {
  let base = InMemoryJobQueue(identify: identify)
  let releases = Mutex(0)

  func release(_ job: ClaimedJob) async throws(JobQueueError) {
    releases.withLock { $0 += 1 }
    throw JobQueueError(.unavailable, "gone")
  }
}

// MARK: - A queue that remembers a crash

/// Says of one job that a worker died of it before.
private struct SuspectQueue: ForwardingConsumer {
  let suspect: String
  let base: InMemoryJobQueue

  init(suspect: String, _ base: InMemoryJobQueue) {
    self.suspect = suspect
    self.base = base
  }

  func start(
    _ job: ClaimedJob, id: JobID, timeToLive: Duration?
  ) async throws(JobQueueError) -> StartOutcome {
    let outcome = try await base.start(job, id: id, timeToLive: timeToLive)
    if id.rawValue == suspect, case .run(_, let queued) = outcome { return .run(attempt: 2, queued: queued) }
    return outcome
  }
}
