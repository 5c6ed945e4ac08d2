import Synchronization

/// What a gateway counts.
package final class GatewayMetrics: Sendable {
  package let requestsInFlight: Gauge
  package let streamsInFlight: Gauge
  package let clientsLeft: Counter
  package let tokens: MetricTable<MetricWords.Tokens, Counter>
  package let rateLimited: MetricTable<MetricWords.RateLimit, Counter>
  private let timeToFirstToken: Histogram<Duration>
  private let timeBetweenTokens: Histogram<Duration>
  private let requests: MetricFamily<Counter>
  private let durations: MetricFamily<Histogram<Duration>>
  private let routes = Mutex<[String: RouteMetrics]>([:])

  package init(_ registry: MetricsRegistry) {
    requestsInFlight = registry.handle(for: MetricNames.httpRequestsInFlight)
    streamsInFlight = registry.handle(for: MetricNames.httpStreamsInFlight)
    clientsLeft = registry.handle(for: MetricNames.httpClientsLeft)
    tokens = registry.table(for: MetricNames.httpTokens, by: MetricWords.Tokens.self)
    rateLimited = registry.table(for: MetricNames.httpRateLimited, by: MetricWords.RateLimit.self)
    timeToFirstToken = registry.handle(for: MetricNames.httpTimeToFirstToken)
    timeBetweenTokens = registry.handle(for: MetricNames.httpTimeBetweenTokens)
    requests = registry.family(for: MetricNames.httpRequests)
    durations = registry.family(for: MetricNames.httpRequestDuration)
  }

  /// What is counted of a route.
  ///
  /// - Parameter pattern: the route as the router knows it (`/jobs/{id}`), never the path of a request; nil if no
  ///   route took the request.
  package func route(_ pattern: String?) -> RouteMetrics {
    routes.withLock { routes in
      // As many as there are series of the durations; a router has fewer.
      let isFull = routes.count >= MetricNames.httpRequestDuration.description.maxSeries
      let pattern = pattern.flatMap { isFull && routes[$0] == nil ? nil : $0 } ?? MetricLabel.other
      if let known = routes[pattern] { return known }
      let route = RouteMetrics(route: pattern, requests: requests, duration: durations.handle(pattern))
      routes[pattern] = route
      return route
    }
  }

  /// A watch for the tokens of a stream.
  ///
  /// - Parameter start: when its request came.
  package func tokenTimer(start: ContinuousClock.Instant) -> TokenTimer {
    TokenTimer(start: start, first: timeToFirstToken, between: timeBetweenTokens)
  }
}
