import Glibc
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// The probes of a process that serves no clients: a worker's `GET /health` and `GET /ready` on `ADMIN_PORT`.
///
/// It has no keys, and so answers nothing but whether the process lives and is ready.
package struct AdminServer: Service {
  /// What is in the way of working; empty if nothing is.
  package typealias Readiness = @Sendable () async -> [String]

  private let port: Int
  private let fallsBack: Bool
  private let makeApplication: @Sendable (_ port: Int) -> Application<RouterResponder<BasicRequestContext>>

  /// - Parameters:
  ///   - port: `ADMIN_PORT`; 0 is any free port.
  ///   - fallsBack: take any free port if this one is in use, so that several workers on one host need no settings.
  ///   - onListening: is told the port.
  package init(
    host: String, port: Int, fallsBack: Bool = false, logger: Logger, readiness: @escaping Readiness,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.port = port
    self.fallsBack = fallsBack
    makeApplication = { port in
      Application(
        router: Self.router(readiness: readiness),
        server: .http1(configuration: .init(idleTimeout: .seconds(30))),
        configuration: .init(
          address: .hostname(host, port: port),
          availableConnectionsDelegate: .maximum(64, logger: logger)),
        onServerRunning: { await onListening($0.localAddress?.port ?? port) },
        logger: logger)
    }
  }

  package func run() async throws {
    do {
      try await makeApplication(port).run()
    } catch let error as IOError where error.errnoCode == EADDRINUSE && fallsBack {
      // Only binding itself can tell: two workers that start together both find the port free before.
      try await makeApplication(0).run()
    }
  }

  static func router(readiness: @escaping Readiness) -> Router<BasicRequestContext> {
    let router = Router()
    router.get("/health") { _, _ in json(.ok, #"{"status":"ok"}"#) }
    router.get("/ready") { _, _ in
      let reasons = await readiness()
      if reasons.isEmpty { return json(.ok, #"{"status":"ready"}"#) }
      let list = reasons.map { "\"\(JSONText.escaped($0))\"" }.joined(separator: ",")
      return json(.serviceUnavailable, #"{"status":"not ready","reasons":[\#(list)]}"#)
    }
    return router
  }

  private static func json(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}
