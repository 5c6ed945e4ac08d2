import JobQueue
import JobQueueRedis
import ServiceLifecycle

extension Wiring {
  /// Connects to the queue on Redis for one command, and disconnects when `body` is done.
  func withProducer(_ body: (ShardedJobProducer) async throws -> Void) async throws {
    let producer = try ShardedJobProducer(configuration: redis(), logger: logger, identify: envelope)
    let services = ServiceGroup(services: [producer], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      do {
        try await body(producer)
      } catch {
        await services.triggerGracefulShutdown()
        try? await group.waitForAll()
        throw error
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }
}
