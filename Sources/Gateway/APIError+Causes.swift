import Hummingbird
import JobQueue
import JobWire
import Logging
import NIOHTTP1

extension HTTPResponse.Status {
  /// The client went away before its answer; nobody reads this, but the logs do.
  static let clientClosedRequest = HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
}

extension APIError {
  static func bodyTooLarge(limit: Int) -> APIError {
    APIError(
      .contentTooLarge, code: JobFailure.Code.tooLarge.rawValue,
      "the body is larger than the \(limit) bytes that are allowed", headers: [.connection: "close"])
  }

  static func deadlineExceeded(after timeout: Duration) -> APIError {
    APIError(
      .gatewayTimeout, code: "deadline_exceeded",
      "no result within \(timeout); the job goes on, and the same request with the same id returns its result"
    )
  }

  /// Two workers that computed the same job came to different texts: their processors or models differ.
  static let textDiffers = APIError(
    .internalServerError, code: "text_differs",
    "another worker took over and came to another text; the same request with the same id returns it")

  static let unsupportedEncoding = APIError(
    .unsupportedMediaType, code: "unsupported_encoding",
    "Content-Encoding must be absent or identity: a body is JSON as it is, not compressed",
    param: "Content-Encoding")

  static func malformedHTTP(_ problem: HTTPParserError) -> APIError {
    APIError(
      .badRequest, code: "malformed_http",
      "the request can't be read as HTTP/1.1: \(problem.debugDescription)",
      headers: [.connection: "close"])
  }

  static let clientLeft = APIError(
    .clientClosedRequest, code: "client_left", "the client went away before the result")

  /// Whatever was thrown. What nobody expected is logged, and told to nobody.
  init(cause: any Error, logger: Logger) {
    switch cause {
    case let error as APIError: self = error
    case let error as WireError: self.init(error)
    case let error as JobQueueError: self.init(error)
    case is CancellationError: self = .clientLeft
    case let error as any HTTPResponseError: self.init(error.status)
    default:
      logger.error("unexpected error", metadata: ["error": "\(cause)"])
      self.init(
        .internalServerError, code: JobFailure.Code.internalError.rawValue,
        "an unexpected error; the logs have more under the x-request-id of this response")
    }
  }

  /// A request that was refused.
  init(_ error: WireError) {
    let status: HTTPResponse.Status =
      switch error.kind {
      case .malformed: .badRequest
      case .tooLarge: .contentTooLarge
      case .invalid, .unknownField, .unsupported: .unprocessableContent
      }
    self.init(status, code: error.kind.rawValue, error.message, param: error.param)
  }

  /// A queue that didn't take the job.
  init(_ error: JobQueueError) {
    let status: HTTPResponse.Status =
      switch error.code {
      case .queueFull: .tooManyRequests
      case .idConflict: .conflict
      case .jobLost: .notFound
      case .cancelled: .clientClosedRequest
      case .unavailable, .storeFull, .closed, .protocolError: .serviceUnavailable
      case .invalidConfiguration: .internalServerError
      }
    let code = error.code == .unavailable ? "queue_unavailable" : error.code.rawValue
    self.init(status, code: code, error.message)
    if status == .tooManyRequests || status == .serviceUnavailable {
      headers[.retryAfter] = error.retryAfterSeconds
    }
  }

  /// A job that has no answer.
  init(_ result: JobResult) {
    let failure =
      result.error ?? JobFailure(code: .internalError, message: "the job ended as \(result.status.rawValue)")
    let status: HTTPResponse.Status =
      switch (result.status, failure.code) {
      case (.expired, _): .gatewayTimeout
      case (.cancelled, _): .conflict
      case (_, .malformedJSON): .badRequest
      case (_, .tooLarge): .contentTooLarge
      case (_, .invalidValue), (_, .unknownField), (_, .notSupported), (_, .contextLengthExceeded):
        .unprocessableContent
      default: .internalServerError
      }
    self.init(status, code: failure.code.rawValue, failure.message, param: failure.param)
    jobID = result.id
  }

  /// What the framework itself refuses.
  init(_ status: HTTPResponse.Status) {
    let code: String =
      switch status.code {
      case 404: "not_found"
      case 413: JobFailure.Code.tooLarge.rawValue
      case 400..<500: "bad_request"
      default: JobFailure.Code.internalError.rawValue
      }
    let message = status.code == 404 ? "no such route" : status.reasonPhrase
    self.init(status, code: code, message)
  }
}

extension JobQueueError {
  static let shuttingDown = JobQueueError(
    .closed,
    "the gateway is shutting down; the job goes on, and the same request with the same id returns its result",
    retryAfter: .seconds(1))

  /// For the header: whole seconds, never too few, and at least one.
  var retryAfterSeconds: String {
    "\(max(1, retryAfter?.secondsRoundedUp ?? 1))"
  }
}

extension JobResult {
  /// A result as the queue keeps it.
  static func stored(_ bytes: [UInt8]) throws(APIError) -> JobResult {
    do throws(WireError) {
      return try decode(bytes)
    } catch {
      throw APIError(
        .internalServerError, code: JobFailure.Code.internalError.rawValue,
        "what is stored as the result is none: \(error)")
    }
  }
}
