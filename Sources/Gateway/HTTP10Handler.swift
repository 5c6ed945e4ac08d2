import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Answers clients of HTTP/1.0 in their own version: without chunks, and with the end of the connection as the end of
/// what has no length, or if they didn't ask to keep it.
final class HTTP10Handler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// Of the last request; nil if it was of a later version.
  private var keepsAlive: Bool?
  private var closesAtEnd = false

  /// Adds one where versions are still known: before what makes the server's requests of those of the parser.
  static func add(to pipeline: ChannelPipeline.SynchronousOperations) {
    guard let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) else { return }
    try? pipeline.addHandler(HTTP10Handler(), position: .before(codec))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head(let head) = unwrapInboundIn(data) {
      keepsAlive = head.version == .http1_0 ? head.isKeepAlive : nil
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(var head):
      guard let keepsAlive else { return context.write(data, promise: promise) }
      closesAtEnd = !keepsAlive || !head.headers.contains(name: "content-length")
      head.version = .http1_0
      head.headers.replaceOrAdd(name: "connection", value: closesAtEnd ? "close" : "keep-alive")
      context.write(wrapOutboundOut(.head(head)), promise: promise)
    case .end where closesAtEnd:
      context.writeAndFlush(data, promise: promise)
      context.close(promise: nil)
    case .body, .end: context.write(data, promise: promise)
    }
  }
}
