import Hummingbird
import JobWire

/// `GET /info`: what the service is and what may be asked of it. `GET /openapi.json`: the same for programs.
struct InfoRoutes: Sendable {
  static let documentPath = "/openapi.json"

  let configuration: GatewayConfiguration
  let models: ModelDirectory
  let document: OpenAPIDocument

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/info", [.get: { _, _ in await info() }])
    router.endpoint(RouterPath(Self.documentPath), [.get: { _, _ in await openAPI() }])
  }

  /// The model is the configured one while the queue can't be asked.
  private func info() async -> Response {
    let model = (try? await models.names().first) ?? configuration.modelName
    let tasks = [TaskDescription(name: "default", kind: .generate)] + TaskDescription.all
    let limits = await limits()
    let json = JSONValue.fields([
      ("service", .string("GPT-2 Service")),
      ("version", .string(configuration.version)),
      ("model", .string(model)),
      ("tasks", .array(tasks.map(Self.json))),
      ("limits", .fields(limits.map { ($0.name, .integer(Int64($0.value))) })),
      ("authentication", .bool(!configuration.keys.isEmpty)),
    ])
    return Response(status: .ok, json: json.encoded)
  }

  private func openAPI() async -> Response {
    let limits = Dictionary(await limits().map { ($0.name, $0.value) }) { first, _ in first }
    return Response(
      status: .ok, json: document.json(version: configuration.version, limits: limits).encoded)
  }

  private func limits() async -> [(name: String, value: Int)] {
    let limits = configuration.limits
    var all = [
      ("max_body_bytes", limits.maxBodyBytes), ("max_prompt_bytes", limits.maxPromptBytes),
      ("max_new_tokens", limits.maxNewTokens), ("max_prompts", limits.maxPrompts),
      ("max_n", limits.maxCompletions), ("max_logprobs", limits.maxLogprobs),
      ("max_stop_strings", limits.maxStopStrings), ("max_stop_length", limits.maxStopLength),
      ("max_logit_biases", limits.maxLogitBiases),
      ("min_ttl_ms", RequestLimits.ttlMilliseconds.lowerBound),
      ("max_ttl_ms", RequestLimits.ttlMilliseconds.upperBound),
    ]
    if let length = try? await models.contextLength() { all.append(("context_length", length)) }
    if let size = try? await models.vocabularySize() { all.append(("max_token", size - 1)) }
    return all
  }

  private static func json(_ task: TaskDescription) -> JSONValue {
    .fields([
      ("name", .string(task.name)),
      ("kind", .string(task.kind.rawValue)),
      ("labels", task.labels.map { .array($0.map { .string($0) }) }),
    ])
  }
}
