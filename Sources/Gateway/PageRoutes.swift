import Hummingbird

/// The pages for people, `/` and `/docs`, and what they need at `/assets/{name}`. They hold nothing secret and need no
/// key, since a key is typed into them.
struct PageRoutes: Sendable {
  private static let pages = ["/": "index.html", "/docs": "docs.html"]

  /// The paths that need no key.
  static let openPaths = Set(pages.keys).union(PageFiles.all.keys.map { "/assets/\($0)" })

  func add(to router: Router<GatewayContext>) {
    for (path, name) in Self.pages {
      router.endpoint(RouterPath(path), [.get: { _, _ in try Self.response(name) }])
    }
    router.endpoint(
      "/assets/:name", [.get: { _, context in try Self.response(context.parameters.get("name") ?? "") }])
  }

  private static func response(_ name: String) throws(APIError) -> Response {
    guard let file = PageFiles.all[name] else { throw APIError(.notFound) }
    return Response(
      status: .ok,
      headers: [
        .contentType: file.contentType, .cacheControl: "no-cache", .contentSecurityPolicy: securityPolicy,
        .referrerPolicy: "no-referrer",
      ],
      body: .init(byteBuffer: file.content))
  }

  /// The page talks to this service alone and runs nothing that it did not bring.
  private static let securityPolicy = """
    default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'
    """
}
