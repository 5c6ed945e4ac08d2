import Hummingbird
import Logging

/// Lets nobody past without a key, whatever the route and whether or not it exists, but for the probes.
///
/// The list of exceptions is compared with the whole path as it was sent: a path that is only equivalent to one
/// of them needs a key, so that no spelling of a protected route can pass as an open one.
struct APIKeyMiddleware: RouterMiddleware {
  static let openPaths = PageRoutes.openPaths.union(["/health", "/ready", InfoRoutes.documentPath])

  let keys: APIKeys

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    if keys.isEmpty || Self.openPaths.contains(request.uri.path) {
      return try await next(request, context)
    }
    let presented = [request.headers[.apiKey], bearerToken(request.headers[.authorization])]
    let callers = presented.map { keys.caller(presenting: $0 ?? "") }
    guard let caller = callers[0] ?? callers[1] else {
      throw APIError(
        .unauthorized, code: "invalid_api_key",
        "a valid key is required, in the header x-api-key or as Authorization: Bearer",
        headers: [.wwwAuthenticate: "Bearer"])
    }
    var context = context
    context.caller = caller
    context.logger[metadataKey: "key"] = "\(caller.name)"
    context.findings.keyName = caller.name
    return try await next(request, context)
  }

  private func bearerToken(_ header: String?) -> String? {
    guard let header, header.prefix(7).lowercased() == "bearer " else { return nil }
    return String(header.dropFirst(7).drop { $0 == " " })
  }
}
