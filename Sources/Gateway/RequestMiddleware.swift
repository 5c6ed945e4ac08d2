import HTTPTypes
import Hummingbird
import JobWire
import Logging
import Observability

/// The outermost middleware: names the request, turns every error into JSON, and writes one line of log.
struct RequestMiddleware: RouterMiddleware {
  let metrics: GatewayMetrics

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    metrics.requestsInFlight.add(1)
    var context = context
    context.requestID = Self.requestID(request.headers[.requestID])
    context.logger[metadataKey: LogKey.requestID] = "\(context.requestID)"
    if let trace = request.headers[.traceparent].flatMap({ TraceContext(traceparent: $0) }) {
      context.trace = trace
    }
    context.logger[metadataKey: LogKey.traceID] = "\(context.trace.traceID)"
    var response: Response
    do {
      response = try await next(request, context)
    } catch {
      response = APIError(cause: error, logger: context.logger).response
    }
    // A body after the head would be taken for the next response.
    if request.method == .head { response = response.createHeadResponse() }
    response.headers[.requestID] = context.requestID
    response.headers[.contentTypeOptions] = "nosniff"
    log(request, response, took: start.duration(to: .now), context: context)
    let status = response.status
    let route = metrics.route(context.endpointPath)
    let answered = { @Sendable [metrics] in
      metrics.requestsInFlight.add(-1)
      if status == .clientClosedRequest { metrics.clientsLeft.add() }
      route.answered(
        method: request.method.rawValue, code: status.code, took: start.duration(to: .now))
    }
    guard response.headers[.contentType] == "text/event-stream" else {
      answered()
      return response
    }
    // A stream is answered when its last event is written.
    let body = response.body
    response.body = ResponseBody { [metrics] writer in
      metrics.streamsInFlight.add(1)
      defer {
        metrics.streamsInFlight.add(-1)
        answered()
      }
      try await body.write(writer)
    }
    return response
  }

  /// Never the query, the body or a header: any of them may hold what is private.
  private func log(_ request: Request, _ response: Response, took: Duration, context: GatewayContext) {
    let isProbe = request.uri.path == "/health" || request.uri.path == "/ready"
    var metadata: Logger.Metadata = [
      "method": "\(request.method.rawValue.prefix(16))",
      "route": "\(context.endpointPath ?? "none")",
      "status": "\(response.status.code)",
      "ms": "\((took / .microseconds(100)).rounded() / 10)",
    ]
    if let key = context.findings.keyName { metadata["key"] = "\(key)" }
    if let job = response.headers[.jobID] { metadata["job_id"] = "\(job)" }
    context.logger.log(level: isProbe ? .debug : .info, "request", metadata: metadata)
  }

  /// The client's own id if it is one that is safe in logs.
  private static func requestID(_ proposed: String?) -> String {
    if let proposed, JobRequest.isValidID(proposed) { return proposed }
    return RequestID().description
  }
}
