import JobQueue
import JobQueueRedis
import JobWire
import Logging
import QueueWorker
import ServiceLifecycle

/// Sends jobs that do nothing through a queue on Redis, from the submission to the result.
struct QueueBenchmark: Sendable {
  /// What was measured.
  struct Times: Sendable {
    /// From the submission of one job to its result, while nothing else is under way; in seconds.
    var roundTrips: [Double] = []
    var jobs = 0
    /// For all jobs together.
    var seconds = 0.0
  }

  private static let completed = Array(#""status":"completed""#.utf8)

  let configuration: RedisConfiguration
  let logger: Logger

  /// - Throws: what the queue throws; and if a job has another result than it should.
  func run(jobs: Int, window: Int, roundTrips: Int) async throws -> Times {
    let limits = RequestLimits(queueNamespace: configuration.namespace)
    let identify: JobIdentifier = { payload in
      let envelope = JobRequest.peek(payload, limits: limits)
      return envelope.id.flatMap { JobID($0) }.map {
        JobEnvelope(id: $0, replyTo: envelope.replyTo.flatMap { ReplyAddress($0) })
      }
    }
    let producer = try RedisJobProducer(configuration: configuration, logger: logger, identify: identify)
    let consumer = try RedisJobConsumer(configuration: configuration, logger: logger, identify: identify)
    var settings = WorkerConfiguration(maxConcurrentJobs: 256, limits: limits)
    settings.maxJobsPerClaim = 64
    let worker = Worker(
      queue: consumer, tasks: TaskRegistry(tasks: [:], fallback: NoTask()), configuration: settings,
      logger: logger)
    let services = ServiceGroup(services: [producer, consumer, worker], logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      let outcome: Result<Times, any Error>
      do {
        outcome = .success(try await measure(producer, jobs: jobs, window: window, roundTrips: roundTrips))
      } catch {
        outcome = .failure(error)
      }
      try? await producer.removeAllKeys()
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
      return try outcome.get()
    }
  }

  private func measure(
    _ producer: RedisJobProducer, jobs: Int, window: Int, roundTrips: Int
  ) async throws -> Times {
    var times = Times()
    for number in 0..<(roundTrips + 50) {
      let start = ContinuousClock.now
      try await answer("r\(number)", producer)
      // The first ones make the connections.
      if number >= 50 { times.roundTrips.append((ContinuousClock.now - start) / .seconds(1)) }
    }
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for first in 0..<min(window, jobs) {
        group.addTask {
          for number in stride(from: first, to: jobs, by: window) {
            try await answer("j\(number)", producer)
          }
        }
      }
      try await group.waitForAll()
    }
    times.seconds = (ContinuousClock.now - start) / .seconds(1)
    times.jobs = jobs
    return times
  }

  /// Submits a job, as a gateway does, and waits for its result.
  private func answer(_ name: String, _ producer: RedisJobProducer) async throws {
    guard let id = JobID(name) else { return }
    var request = JobRequest(
      id: name, prompts: [.text("A job that does nothing, with a prompt of the usual length.")])
    request.replyTo = producer.replyAddress?.rawValue
    let events = producer.subscribe(to: id)
    let submitted = try await producer.submit(JobSubmission(id: id, payload: request.encode()))
    let result =
      if case .finished(let result) = submitted { result } else { try await events.result() }
    // Found without decoding: the time is to be the queue's.
    guard result.firstRange(of: Self.completed) != nil else {
      throw JobQueueError(
        .protocolError, "the job \(name) has the result \(String(decoding: result, as: UTF8.self))")
    }
  }

  /// Answers at once.
  private struct NoTask: JobTask {
    func run(
      _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
      onToken: TokenHandler?
    ) async throws(TaskError) -> TaskAnswer {
      TaskAnswer(
        model: "none", completion: "", usage: JobResult.Usage(promptTokens: 0, completionTokens: 0))
    }
  }
}
