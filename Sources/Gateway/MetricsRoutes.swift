import Hummingbird
import Observability

/// `GET /metrics`: what this process counts, and the queue as it is at this moment, for Prometheus.
struct MetricsRoutes: Sendable {
  let registry: MetricsRegistry

  func add(to router: Router<GatewayContext>) {
    router.endpoint(
      "/metrics",
      [
        .get: { _, _ in
          Response(
            status: .ok, headers: [.contentType: MetricsRegistry.contentType],
            body: .init(byteBuffer: ByteBuffer(bytes: await registry.text())))
        }
      ])
  }
}
