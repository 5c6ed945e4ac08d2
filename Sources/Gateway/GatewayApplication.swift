package import Hummingbird
package import JobQueue
package import Logging
import NIOCore
package import Observability

/// The HTTP front: routes and middleware apart from the server, so that tests run the former without sockets.
package enum GatewayApplication {
  /// The server, ready to be run as a service, while `queue` runs as another one.
  ///
  /// - Parameter onListening: is told the port, which is of interest when the setting was 0.
  package static func buildApplication(
    configuration: GatewayConfiguration, queue: any JobProducer & JobQueueInspector,
    metrics: MetricsRegistry = MetricsRegistry(), logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) throws(GatewayError) -> some ApplicationProtocol {
    try configuration.validate()
    if configuration.keys.isEmpty, configuration.insecure {
      logger.warning("no keys are set: everybody who reaches \(configuration.host) may use this service")
    }
    let parts = try Parts(configuration: configuration, queue: queue, metrics: metrics, logger: logger)
    let counts = ConnectionCounts(limit: configuration.maxConnectionsPerAddress)
    return Application(
      router: parts.router(),
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [
            MalformedRequestHandler(maxHeaderBytes: configuration.maxHeaderBytes),
            ClientConnectionHandler(configuration: configuration, counts: counts),
          ],
          idleTimeout: TimeAmount(configuration.idleTimeout),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: configuration.maxHeaderBytes, maxHeaderListSize: configuration.maxHeaderBytes,
            maxHeaderFieldCount: MalformedRequestHandler.maxHeaderFields))),
      configuration: .init(
        address: .hostname(configuration.host, port: configuration.port),
        availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: logger)),
      services: [parts.trails],
      onServerRunning: { await onListening($0.localAddress?.port ?? configuration.port) },
      logger: logger)
  }

  /// The paths of all routes, as documents write them: `/jobs/{id}`.
  package static func paths(
    configuration: GatewayConfiguration, queue: any JobProducer & JobQueueInspector, logger: Logger
  ) throws(GatewayError) -> Set<String> {
    let router = try Parts(
      configuration: configuration, queue: queue, metrics: MetricsRegistry(), logger: logger
    ).router()
    return Set(router.routes.map { "\($0.path)" })
  }
}

extension GatewayApplication {
  /// What the routes are made of.
  private struct Parts {
    let configuration: GatewayConfiguration
    let queue: JobWaiter.Queue
    let registry: MetricsRegistry
    let metrics: GatewayMetrics
    let document: OpenAPIDocument
    let dispatcher: JobDispatcher
    let trails: JobTrails
    let drain: Drain

    init(
      configuration: GatewayConfiguration, queue: JobWaiter.Queue, metrics registry: MetricsRegistry,
      logger: Logger
    ) throws(GatewayError) {
      let drain = Drain(time: configuration.drain)
      self.drain = drain
      func waiter(_ timeout: Duration) -> JobWaiter {
        JobWaiter(
          queue: queue, timeout: timeout, recheckInterval: configuration.recheckInterval, drain: drain)
      }
      self.configuration = configuration
      self.queue = queue
      self.registry = registry
      let metrics = GatewayMetrics(registry)
      self.metrics = metrics
      document = try OpenAPIDocument.embedded()
      dispatcher = JobDispatcher(
        limits: configuration.limits, waiter: waiter(configuration.requestTimeout),
        pingInterval: configuration.pingInterval,
        budget: TokenBudget(limits: configuration.rateLimits) { metrics.rateLimited[.tokens].add() },
        recent: RecentJobs(), metrics: metrics)
      trails = JobTrails(
        waiter: waiter(configuration.followTimeout), dispatcher: dispatcher,
        maxBytes: configuration.maxTrailBytes, logger: logger)
    }

    func router() -> Router<GatewayContext> {
      let router = Router(context: GatewayContext.self)
      router.add(middleware: RequestMiddleware(metrics: metrics))
      if !configuration.corsOrigins.isEmpty {
        router.add(middleware: CORSMiddleware(origins: configuration.corsOrigins))
      }
      if configuration.keys.isEmpty, !configuration.insecure {
        router.add(middleware: HostMiddleware(host: configuration.host))
      }
      router.add(middleware: APIKeyMiddleware(keys: configuration.keys))
      router.add(middleware: RateLimitMiddleware(limits: configuration.rateLimits, metrics: metrics))
      router.add(middleware: KnownMethodMiddleware())
      let models = ModelDirectory(queue: queue, configured: configuration.modelName)
      PageRoutes().add(to: router)
      HealthRoutes(queue: queue).add(to: router)
      MetricsRoutes(registry: registry).add(to: router)
      InfoRoutes(configuration: configuration, models: models, document: document).add(to: router)
      GenerateRoutes(dispatcher: dispatcher).add(to: router)
      TokenizeRoutes(dispatcher: dispatcher).add(to: router)
      JobRoutes(dispatcher: dispatcher, trails: trails, drain: drain).add(to: router)
      OpenAIRoutes(dispatcher: dispatcher, models: models).add(to: router)
      QueueRoutes(queue: queue, recent: dispatcher.recent).add(to: router)
      return router
    }
  }
}
