package import Hummingbird
import JobWire

/// An error as clients get it: JSON in the shape that OpenAI's clients know,
/// `{"error":{"message","type","param","code"}}`, and the `id` of the job if there is one.
package struct APIError: Error, HTTPResponseError {
  package let status: HTTPResponse.Status
  /// A word that programs compare.
  package let code: String
  package let message: String
  package var param: String?
  package var jobID: String?
  package var headers: HTTPFields = [:]

  init(
    _ status: HTTPResponse.Status, code: String, _ message: String, param: String? = nil,
    headers: HTTPFields = [:]
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.param = param
    self.headers = headers
  }

  package func response(from request: Request, context: some RequestContext) throws -> Response {
    response
  }

  var response: Response {
    Response(status: status, headers: headers, json: json.encoded)
  }

  var json: JSONValue {
    .fields([
      ("id", jobID.map { .string($0) }),
      ("error", errorJSON),
    ])
  }

  var errorJSON: JSONValue {
    .fields([
      ("message", .string(message)),
      ("type", .string(type)),
      ("param", param.map { .string($0) } ?? .null),
      ("code", .string(code)),
    ])
  }

  /// The family of the error, as OpenAI names it.
  private var type: String {
    switch status.code {
    case 401: "authentication_error"
    case 429: "rate_limit_error"
    case 400..<500: "invalid_request_error"
    default: "server_error"
    }
  }
}

extension Response {
  /// A response with a body of JSON.
  init(status: HTTPResponse.Status, headers: HTTPFields = [:], json: [UInt8]) {
    var headers = headers
    headers[.contentType] = "application/json"
    self.init(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: json)))
  }
}
