import Hummingbird

/// Refuses methods that no route has, so that they are told from paths that don't exist.
struct KnownMethodMiddleware: RouterMiddleware {
  /// Every path of a route answers to these, most with 405 and what is allowed.
  static let methods: [HTTPRequest.Method] = [
    .get, .head, .post, .put, .delete, .patch, .options, .trace, .connect,
  ]

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    guard Self.methods.contains(request.method) else {
      throw APIError(
        .methodNotAllowed, code: "method_not_allowed", "no route has this method",
        headers: [.allow: Self.methods.map(\.rawValue).joined(separator: ", ")])
    }
    return try await next(request, context)
  }
}
