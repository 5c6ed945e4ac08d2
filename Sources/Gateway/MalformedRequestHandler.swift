import HTTPTypes
import JobWire
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Says what is wrong with a request that can't be read as HTTP. The server below answers it with a status alone,
/// and closes the connection; this puts an error like every other one in its place.
final class MalformedRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  static let maxHeaderFields = 100

  private let maxHeaderBytes: Int
  private var problem: HTTPParserError?

  init(maxHeaderBytes: Int) {
    self.maxHeaderBytes = maxHeaderBytes
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    problem = error as? HTTPParserError
    context.fireErrorCaught(error)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard let problem, case .head(let head) = unwrapOutboundIn(data), head.status == .badRequest,
      head.headerFields[.contentLength] == "0"
    else { return context.write(data, promise: promise) }
    self.problem = nil
    let answer = describe(problem)
    let body = ByteBuffer(bytes: answer.json.encoded)
    let fields: HTTPFields = [
      .connection: "close", .contentType: "application/json", .contentLength: "\(body.readableBytes)",
    ]
    context.write(
      wrapOutboundOut(.head(HTTPResponse(status: answer.status, headerFields: fields))), promise: promise)
    context.write(wrapOutboundOut(.body(body)), promise: nil)
  }

  private func describe(_ problem: HTTPParserError) -> APIError {
    switch problem {
    case .headerOverflow:
      APIError(
        .requestHeaderFieldsTooLarge, code: "header_too_large",
        "the header of the request is too large; \(maxHeaderBytes) bytes and \(Self.maxHeaderFields) fields are allowed"
      )
    default: APIError.malformedHTTP(problem)
    }
  }
}
