package import Hummingbird
package import JobQueue
package import Logging
import NIOCore

/// The HTTP front: routes and middleware apart from the server, so that tests run the former without sockets.
package enum GatewayApplication {
  /// The server, ready to be run as a service, while `queue` runs as another one.
  ///
  /// - Parameter onListening: is told the port, which is of interest when the setting was 0.
  package static func buildApplication(
    configuration: GatewayConfiguration, queue: any JobProducer & JobQueueInspector, logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) throws(GatewayError) -> some ApplicationProtocol {
    try configuration.validate()
    if configuration.keys.isEmpty, configuration.insecure {
      logger.warning("no keys are set: everybody who reaches \(configuration.host) may use this service")
    }
    return Application(
      router: buildRouter(configuration: configuration, queue: queue),
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [ClientConnectionHandler(configuration: configuration)],
          idleTimeout: TimeAmount(configuration.idleTimeout),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: GatewayConfiguration.maxHeaderBytes,
            maxHeaderListSize: GatewayConfiguration.maxHeaderBytes, maxHeaderFieldCount: 100))),
      configuration: .init(
        address: .hostname(configuration.host, port: configuration.port),
        availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: logger)),
      onServerRunning: { await onListening($0.localAddress?.port ?? configuration.port) },
      logger: logger)
  }

  static func buildRouter(
    configuration: GatewayConfiguration, queue: any JobProducer & JobQueueInspector
  ) -> Router<GatewayContext> {
    let router = Router(context: GatewayContext.self)
    router.add(middleware: RequestMiddleware())
    router.add(middleware: APIKeyMiddleware(keys: configuration.keys))
    router.add(middleware: RateLimitMiddleware(limits: configuration.rateLimits))
    let waiter = JobWaiter(
      queue: queue, timeout: configuration.requestTimeout, recheckInterval: configuration.recheckInterval)
    HealthRoutes(queue: queue).add(to: router)
    GenerateRoutes(limits: configuration.limits, waiter: waiter, pingInterval: configuration.pingInterval)
      .add(to: router)
    return router
  }
}
