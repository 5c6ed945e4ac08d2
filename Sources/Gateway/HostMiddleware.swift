import Hummingbird

/// Lets pages of other sites not in where no key is asked for. Such a page can make its own name lead to this machine,
/// and a browser then takes the service for a part of the site; but it sends the name along.
struct HostMiddleware: RouterMiddleware {
  /// The name or address that the server listens on.
  let host: String

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    guard let authority = request.head.authority, !isOwn(Self.name(in: authority)) else {
      return try await next(request, context)
    }
    throw APIError(
      .misdirectedRequest, code: "unknown_host",
      "the request is for another host; without a key only localhost and addresses are served, or with INSECURE=true"
        + " any name")
  }

  private func isOwn(_ name: String) -> Bool {
    name.isEmpty || name == host.lowercased() || name == "localhost" || name.hasSuffix(".localhost")
      || Self.isAddress(name)
  }

  /// Without the port.
  private static func name(in authority: String) -> String {
    let authority = authority.lowercased()
    if authority.hasPrefix("[") { return String(authority.prefix { $0 != "]" }.dropFirst()) }
    return String(authority.prefix { $0 != ":" })
  }

  /// No name has a colon, or ends with a label of digits.
  private static func isAddress(_ name: String) -> Bool {
    name.contains(":") || name.split(separator: ".").last.map { $0.allSatisfy(\.isNumber) } ?? false
  }
}
