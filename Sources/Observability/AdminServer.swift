import Glibc
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// The probes of a process that serves no clients: a worker's `GET /health`, `GET /ready` and `GET /metrics` on
/// `ADMIN_PORT`.
///
/// It has no keys, and so tells nothing of jobs and clients: whether the process lives and is ready, and counts.
package struct AdminServer: Service {
  /// What is in the way of working; empty if nothing is.
  package typealias Readiness = @Sendable () async -> [String]

  private let port: Int
  private let fallsBack: Bool
  private let makeApplication: @Sendable (_ port: Int) -> Application<RouterResponder<BasicRequestContext>>

  /// - Parameters:
  ///   - port: `ADMIN_PORT`; 0 is any free port.
  ///   - fallsBack: take any free port if this one is in use, so that several workers on one host need no settings.
  ///   - metrics: what `GET /metrics` answers; nil: there is no such route.
  ///   - onListening: is told the port.
  package init(
    host: String, port: Int, fallsBack: Bool = false, logger: Logger, metrics: MetricsRegistry? = nil,
    readiness: @escaping Readiness,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.port = port
    self.fallsBack = fallsBack
    makeApplication = { port in
      Application(
        router: Self.router(metrics: metrics, readiness: readiness),
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

  private static func router(
    metrics: MetricsRegistry?, readiness: @escaping Readiness
  ) -> Router<BasicRequestContext> {
    let router = Router()
    router.get("/health") { _, _ in json(.ok, #"{"status":"ok"}"#) }
    router.get("/ready") { _, _ in
      let reasons = await readiness()
      if reasons.isEmpty { return json(.ok, #"{"status":"ready"}"#) }
      let list = reasons.map { "\"\(JSONText.escaped($0))\"" }.joined(separator: ",")
      return json(.serviceUnavailable, #"{"status":"not ready","reasons":[\#(list)]}"#)
    }
    if let metrics {
      router.get("/metrics") { _, _ in
        Response(
          status: .ok, headers: [.contentType: MetricsRegistry.contentType],
          body: .init(byteBuffer: ByteBuffer(bytes: await metrics.text())))
      }
    }
    return router
  }

  private static func json(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}
