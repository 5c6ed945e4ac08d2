import Hummingbird
import JobQueue
import JobWire

/// `POST /generate`: a job is made of the body, and the response is its result, or, with `stream`, its tokens as they
/// come. `POST /generate_stream` is the same with `stream` set. `POST /classify` says only what a classification needs.
struct GenerateRoutes: Sendable {
  let dispatcher: JobDispatcher

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/generate", [.post: { try await generate($0, $1, streams: false) }])
    router.endpoint("/generate_stream", [.post: { try await generate($0, $1, streams: true) }])
    router.endpoint("/classify", [.post: { try await classify($0, $1) }])
  }

  private func generate(
    _ request: Request, _ context: GatewayContext, streams: Bool
  ) async throws -> Response {
    var job = try JobRequest.decode(
      try await dispatcher.body(of: request), mode: .http, limits: dispatcher.limits)
    if streams { job.stream = true }
    let order = try dispatcher.order(job, request, context)
    if job.stream {
      return try await dispatcher.stream(
        of: order, as: GenerateStreamFormat(id: order.id.rawValue), context)
    }
    return try await answer(to: order, context)
  }

  private func classify(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let job = try ClassifyRequest.job(
      from: try await dispatcher.body(of: request), limits: dispatcher.limits)
    return try await answer(to: try dispatcher.order(job, request, context), context)
  }

  private func answer(to order: JobDispatcher.Order, _ context: GatewayContext) async throws -> Response {
    Response(
      status: .ok, headers: [.jobID: order.id.rawValue],
      json: try await dispatcher.result(of: order, context).bytes)
  }
}
