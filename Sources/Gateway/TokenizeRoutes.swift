import Hummingbird
import JobWire

/// `POST /tokenize` and `POST /detokenize`, with the vocabulary of the model that would answer.
struct TokenizeRoutes: Sendable {
  let dispatcher: JobDispatcher

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/tokenize", [.post: { try await tokenize($0, $1) }])
    router.endpoint("/detokenize", [.post: { try await detokenize($0, $1) }])
  }

  private func tokenize(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let job = try TokenizeRequest.tokenize(
      try await dispatcher.body(of: request), limits: dispatcher.limits)
    let choice = try await choice(of: job, field: "text", request, context)
    return Response(
      status: .ok,
      json: JSONValue.fields([
        ("tokens", .array(choice.tokens.map { .integer(Int64($0)) })),
        ("count", .integer(Int64(choice.tokens.count))),
      ]).encoded)
  }

  private func detokenize(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let job = try TokenizeRequest.detokenize(
      try await dispatcher.body(of: request), limits: dispatcher.limits)
    let choice = try await choice(of: job, field: "tokens", request, context)
    return Response(status: .ok, json: JSONValue.fields([("text", .string(choice.text))]).encoded)
  }

  private func choice(
    of job: JobRequest, field: String, _ request: Request, _ context: GatewayContext
  ) async throws -> JobResult.Choice {
    let order = try dispatcher.order(job, request, context)
    let result: JobResult
    do {
      result = try await dispatcher.result(of: order, context).result
    } catch {
      var error = error
      // What is a prompt to the job has another name here.
      if error.param == "prompt" { error.param = field }
      throw error
    }
    guard let choice = result.choices?.first else {
      throw APIError(
        .internalServerError, code: JobFailure.Code.internalError.rawValue,
        "the worker answered without tokens")
    }
    return choice
  }
}
