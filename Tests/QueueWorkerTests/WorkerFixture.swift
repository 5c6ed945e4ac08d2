import JobQueue
import JobWire
import Logging
import QueueWorker
import ServiceLifecycle
import Testing

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

let identify: JobIdentifier = { payload in
  let envelope = JobRequest.peek(payload)
  guard let id = envelope.id.flatMap({ JobID($0) }) else { return nil }
  return JobEnvelope(id: id)
}

/// Runs a worker on a queue in memory while `body` runs.
func withWorker(
  tasks: [String: any JobTask] = [:], fallback: any JobTask, slots: Int = 8,
  _ body: @Sendable (InMemoryJobQueue) async throws -> Void
) async throws {
  let queue = InMemoryJobQueue(identify: identify)
  let worker = Worker(
    queue: queue, tasks: TaskRegistry(tasks: tasks, fallback: fallback),
    configuration: WorkerConfiguration(maxConcurrentJobs: slots, drain: .milliseconds(1)), logger: quiet)
  let group = ServiceGroup(services: [queue, worker], logger: quiet)
  try await withThrowingTaskGroup(of: Void.self) { services in
    services.addTask { try await group.run() }
    try await body(queue)
    await group.triggerGracefulShutdown()
    try await services.waitForAll()
  }
}

extension InMemoryJobQueue {
  func result(of request: JobRequest) async throws -> JobResult {
    try await result(ofPayload: request.encode(), id: request.id ?? "")
  }

  func result(ofPayload payload: [UInt8], id: String) async throws -> JobResult {
    let id = try #require(JobID(id))
    let events = subscribe(to: id)
    _ = try await submit(JobSubmission(id: id, payload: payload))
    return try JobResult.decode(try await events.result())
  }
}
