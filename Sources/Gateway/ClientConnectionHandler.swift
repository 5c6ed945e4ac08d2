import HTTPTypes
import JobWire
import NIOCore
import NIOHTTPTypes

/// The part of `ClientConnection` that lives in the channel: it notices that the client left, and closes
/// connections that take too long to say what they want.
///
/// The time for a header runs from the opening of the connection, and the time for a body from its header to
/// its end, so that a client gains nothing by sending a byte now and then. Between two requests it is
/// Hummingbird's idle timeout that counts. A client that reads nothing of its response is closed as well.
///
/// It refuses an address more connections than it may have, puts an `HTTP10Handler` into the channel, and says
/// `100 Continue` to clients that ask before they send a body, as old versions of `curl` do and
/// then wait for a second.
final class ClientConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundOut = HTTPResponsePart

  let connection = ClientConnection()
  private let headerTimeout: TimeAmount
  private let bodyTimeout: TimeAmount
  private let maxBodyBytes: Int
  private let counts: ConnectionCounts
  private var isCounted = false
  private let writeTimeout: TimeAmount
  private var deadline: Scheduled<Void>?
  private var writeDeadline: Scheduled<Void>?

  init(configuration: GatewayConfiguration, counts: ConnectionCounts) {
    self.counts = counts
    headerTimeout = TimeAmount(configuration.headerTimeout)
    bodyTimeout = TimeAmount(configuration.bodyTimeout)
    writeTimeout = TimeAmount(configuration.writeTimeout)
    maxBodyBytes = configuration.limits.maxBodyBytes
  }

  func handlerAdded(context: ChannelHandlerContext) {
    HTTP10Handler.add(to: context.pipeline.syncOperations)
    if context.channel.isActive { begin(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
    writeDeadline?.cancel()
    connection.markGone()
  }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard !isCounted else { return }
    guard counts.add(context.remoteAddress) else { return context.close(promise: nil) }
    isCounted = true
    let address = context.remoteAddress
    context.channel.closeFuture.whenComplete { [counts] _ in counts.remove(address) }
    schedule(headerTimeout, context: context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      schedule(bodyTimeout, context: context)
      if wantsToBeAsked(head) {
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
      }
    case .body: break
    case .end: deadline?.cancel()
    }
    context.fireChannelRead(data)
  }

  /// What is sent waits for a client that doesn't read, but not for ever.
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    writeDeadline?.cancel()
    if !context.channel.isWritable { writeDeadline = close(context, after: writeTimeout) }
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    writeDeadline?.cancel()
    connection.markGone()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent { connection.markGone() }
    context.fireUserInboundEventTriggered(event)
  }

  /// A body that is announced as too large is better not sent at all.
  private func wantsToBeAsked(_ head: HTTPRequest) -> Bool {
    guard head.headerFields[.expect]?.lowercased() == "100-continue" else { return false }
    return head.headerFields[.contentLength].flatMap { Int($0) } ?? 0 <= maxBodyBytes
  }

  private func schedule(_ time: TimeAmount, context: ChannelHandlerContext) {
    deadline?.cancel()
    deadline = close(context, after: time)
  }

  private func close(_ context: ChannelHandlerContext, after time: TimeAmount) -> Scheduled<Void> {
    context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
  }
}
