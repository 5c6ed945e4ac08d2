import Hummingbird
import JobQueue
import Observability

/// Counts the requests of a caller, refuses those beyond its limit, and tells in the headers of every response, also
/// of a refusal, what is left. To be added after `APIKeyMiddleware`, which knows the caller.
struct RateLimitMiddleware: RouterMiddleware {
  let limits: RateLimits
  let metrics: GatewayMetrics

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    let requests = limits.bucket(.requests, of: context.caller)
    let tokens = limits.bucket(.tokens, of: context.caller)
    if requests == nil && tokens == nil || APIKeyMiddleware.openPaths.contains(request.uri.path) {
      return try await next(request, context)
    }
    let (report, logger) = (RateLimitReport(), context.logger)
    var context = context
    context.rateLimits = report
    do {
      // A route that generates tokens takes them later; what is left is told by all.
      async let looked = limits.take(0, from: tokens, logger: logger)
      let taken = await limits.take(1, from: requests, logger: logger)
      report.note(await looked, of: .tokens)
      report.note(taken, of: .requests)
      if let taken, !taken.isAllowed {
        metrics.rateLimited[.requests].add()
        throw APIError.rateLimitExceeded(taken, of: .requests, cost: 1)
      }
      var response = try await next(request, context)
      report.set(in: &response.headers)
      return response
    } catch {
      var error = APIError(cause: error, logger: logger)
      report.set(in: &error.headers)
      throw error
    }
  }
}
