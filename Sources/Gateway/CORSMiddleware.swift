import HTTPTypes
import Hummingbird

/// Lets pages of named origins call the service from a browser. Without any, no header of CORS is ever sent, and
/// browsers keep the answers from all pages but the service's own.
///
/// Credentials that a browser sends by itself are never allowed: a page has to name its key.
struct CORSMiddleware: RouterMiddleware {
  private static let methods = "GET, POST, DELETE"
  private static let responseHeaders =
    "location, retry-after, x-job-id, x-request-id, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    + "x-ratelimit-reset-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens"

  /// Exactly as browsers send them: `https://example.org`.
  let origins: [String]

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    let origin = request.headers[.origin].flatMap { origins.contains($0) ? $0 : nil }
    var response: Response
    if origin != nil, request.method == .options, request.headers[.accessControlRequestMethod] != nil {
      // Browsers ask without the key that they would send. A page that may send its key may send any header.
      response = Response(
        status: .noContent,
        headers: [.accessControlAllowMethods: Self.methods, .accessControlMaxAge: "600"])
      response.headers[.accessControlAllowHeaders] = request.headers[.accessControlRequestHeaders]
    } else {
      do {
        response = try await next(request, context)
      } catch {
        response = APIError(cause: error, logger: context.logger).response
      }
    }
    if let origin {
      response.headers[.accessControlAllowOrigin] = origin
      response.headers[.accessControlExposeHeaders] = Self.responseHeaders
    }
    response.headers[.vary] = "origin"
    return response
  }
}
