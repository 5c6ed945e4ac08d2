import Hummingbird
import JobQueue
import JobWire

/// The probes: `GET /health` says that the process lives, `GET /ready` that a job could be served now.
struct HealthRoutes: Sendable {
  let queue: JobWaiter.Queue

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/health", [.get: health])
    router.endpoint("/ready", [.get: ready])
  }

  @Sendable
  private func health(_ request: Request, context: GatewayContext) -> Response {
    Response(status: .ok, json: JSONValue.fields([("status", .string("ok"))]).encoded)
  }

  @Sendable
  private func ready(_ request: Request, context: GatewayContext) async -> Response {
    do throws(JobQueueError) {
      try await queue.ready()
      return Response(status: .ok, json: JSONValue.fields([("status", .string("ready"))]).encoded)
    } catch {
      let json = JSONValue.fields([
        ("status", .string("not ready")),
        ("reasons", .array([.string(error.message)])),
      ])
      return Response(
        status: .serviceUnavailable, headers: [.retryAfter: error.retryAfterSeconds], json: json.encoded)
    }
  }
}
