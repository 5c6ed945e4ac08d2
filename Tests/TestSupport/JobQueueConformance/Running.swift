package import ServiceLifecycle

/// Runs the services while `body` runs, and waits for their end.
package func withRunning(
  _ services: [any Service], _ body: @Sendable () async throws -> Void
) async throws {
  let running = services.map { service in Task { try await service.run() } }
  let outcome: Result<Void, any Error>
  do {
    outcome = .success(try await body())
  } catch {
    outcome = .failure(error)
  }
  for task in running { task.cancel() }
  for task in running { _ = await task.result }
  try outcome.get()
}
