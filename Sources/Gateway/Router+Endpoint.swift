import Hummingbird

extension Router where Context == GatewayContext {
  typealias Handler = @Sendable (Request, Context) async throws -> Response

  /// Adds the handlers of a path, and answers its other methods with 405 and what is allowed. `GET` covers
  /// `HEAD`.
  func endpoint(_ path: RouterPath, _ handlers: [HTTPRequest.Method: Handler]) {
    var handlers = handlers
    if handlers[.head] == nil { handlers[.head] = handlers[.get] }
    let allowed = handlers.keys.map(\.rawValue).sorted().joined(separator: ", ")
    for method in KnownMethodMiddleware.methods {
      let handler = handlers[method]
      on(path, method: method) { request, context in
        if let handler { return try await handler(request, context) }
        throw APIError(
          .methodNotAllowed, code: "method_not_allowed", "\(path) allows \(allowed)",
          headers: [.allow: allowed])
      }
    }
  }
}
