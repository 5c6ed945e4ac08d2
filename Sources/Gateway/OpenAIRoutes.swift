import Hummingbird
import JobQueue
import JobWire

/// The routes that OpenAI's clients of completions know: `POST /v1/completions` and `GET /v1/models`.
struct OpenAIRoutes: Sendable {
  let dispatcher: JobDispatcher
  let models: ModelDirectory

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/v1/completions", [.post: { try await complete($0, $1) }])
    router.endpoint("/v1/models", [.get: { _, _ in try await list() }])
    router.endpoint("/v1/models/:model", [.get: { try await model($0, $1) }])
  }

  private func complete(_ request: Request, _ context: GatewayContext) async throws -> Response {
    do {
      let completion = try CompletionRequest.decode(
        try await dispatcher.body(of: request), limits: dispatcher.limits)
      var job = completion.job
      try await check(completion.model)
      // Tasks that generate are models to those who call by this interface.
      if models.isTask(completion.model) { job.taskName = completion.model }
      let order = try dispatcher.order(job, request, context)
      let response = CompletionResponse(
        jobID: order.id.rawValue, model: completion.model, created: WallClock.seconds,
        includesUsage: completion.includesUsage)
      if job.stream {
        return try await dispatcher.stream(
          of: order, as: CompletionStreamFormat(response: response), context)
      }
      let result = try await dispatcher.result(of: order, context).result
      return Response(
        status: .ok, headers: [.jobID: order.id.rawValue], json: response.json(result).encoded)
    } catch {
      throw APIError(cause: error, logger: context.logger).asOpenAI
    }
  }

  private func list() async throws -> Response {
    Response(
      status: .ok, json: ModelList.json(try await models.names(), created: models.begin).encoded)
  }

  private func model(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let name = context.parameters.get("model").map(\.percentDecoded) ?? ""
    try await check(name)
    return Response(status: .ok, json: ModelList.json(name, created: models.begin).encoded)
  }

  private func check(_ name: String) async throws {
    let names = try await models.names()
    guard names.contains(name) else {
      let shown = name.utf8.count <= 64 ? "\"\(name)\"" : "of this name"
      throw APIError(
        .notFound, code: "model_not_found",
        "there is no model \(shown); there are \(names.joined(separator: ", "))", param: "model")
    }
  }
}

extension APIError {
  /// As OpenAI's service says it: what is out of range is a bad request there, and fields have OpenAI's names.
  fileprivate var asOpenAI: APIError {
    guard status == .unprocessableContent else { return self }
    let isValue = code == WireError.Kind.invalid.rawValue
    let param = isValue && param == "max_new_tokens" ? "max_tokens" : param
    var error = APIError(.badRequest, code: code, message, param: param, headers: headers)
    error.jobID = jobID
    return error
  }
}
