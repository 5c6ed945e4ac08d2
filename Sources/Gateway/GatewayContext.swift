import Hummingbird
import NIOCore
import Observability

/// What accompanies a request on its way through the middleware.
struct GatewayContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// Names the request in the logs and in the `x-request-id` of its response.
  var requestID = ""
  /// Where the request belongs in the traces of its client.
  var trace = TraceContext()
  /// `nil` if no keys are set.
  var caller: APIKeys.Caller?
  /// What the middleware within finds out for the line of log that the outermost one writes.
  let findings = RequestFindings()
  /// `nil` if the caller has no limit.
  var rateLimits: RateLimitReport?
  private let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }

  /// The connection that the request came on; one that never goes away if there is no socket.
  func connection() async -> ClientConnection {
    let channel = channel
    let found = try? await channel.eventLoop.submit {
      try channel.pipeline.syncOperations.handler(type: ClientConnectionHandler.self).connection
    }.get()
    return found ?? ClientConnection()
  }
}
