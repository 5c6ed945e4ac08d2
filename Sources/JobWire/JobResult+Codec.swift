extension JobResult {
  /// The result as JSON, its fields in the order of `docs/wire-format.md`.
  package func encode() -> [UInt8] {
    JSONValue.fields([
      ("id", .string(id)),
      ("status", .string(status.rawValue)),
      ("task_name", taskName.map { .string($0) }),
      ("model", model.map { .string($0) }),
      ("completion", completion.map { .string($0) }),
      ("choices", choices.map { .array($0.map(\.json)) }),
      ("label", label.map { .string($0) }),
      ("scores", scores.map { .object($0.map { .init($0.label, .double($0.probability)) }) }),
      ("usage", usage.map(\.json)),
      ("timings", timings.map(\.json)),
      ("worker", worker.map { .string($0) }),
      ("attempts", attempts.map { .integer(Int64($0)) }),
      ("seed", seed.map { .integer($0) }),
      ("error", error.map(\.json)),
    ]).encoded
  }

  /// Reads a result that a worker stored. Fields that this version doesn't know are ignored.
  package static func decode(_ bytes: [UInt8]) throws(WireError) -> JobResult {
    let json = try JSONParser.parse(bytes)
    guard let id = json["id"]?.stringValue,
      let status = json["status"]?.stringValue.flatMap(Status.init(rawValue:))
    else { throw WireError(.malformed, "a result needs an id and a status") }
    return JobResult(
      id: id, status: status,
      taskName: json["task_name"]?.stringValue,
      model: json["model"]?.stringValue,
      completion: json["completion"]?.stringValue,
      choices: json["choices"]?.arrayValue?.compactMap(Choice.init(json:)),
      label: json["label"]?.stringValue,
      scores: json["scores"]?.fieldsValue?.compactMap { field in
        field.value.doubleValue.map { Score(label: field.name, probability: $0) }
      },
      usage: json["usage"].flatMap(Usage.init(json:)),
      timings: json["timings"].map(Timings.init(json:)),
      worker: json["worker"]?.stringValue,
      attempts: json["attempts"]?.integerValue.map { Int($0) },
      seed: json["seed"]?.integerValue,
      error: json["error"].flatMap(JobFailure.init(json:)))
  }
}

extension JobResult.Choice {
  fileprivate var json: JSONValue {
    .fields([
      ("index", .integer(Int64(index))),
      ("text", .string(text)),
      ("finish_reason", .string(finishReason.rawValue)),
      ("tokens", .array(tokens.map { .integer(Int64($0)) })),
      ("logprobs", logprobs?.json ?? .null),
    ])
  }

  fileprivate init?(json: JSONValue) {
    guard let text = json["text"]?.stringValue,
      let reason = json["finish_reason"]?.stringValue.flatMap(JobResult.FinishReason.init(rawValue:))
    else { return nil }
    self.init(
      index: json["index"]?.integerValue.map { Int($0) } ?? 0, text: text, finishReason: reason,
      tokens: json["tokens"]?.arrayValue?.compactMap { $0.integerValue.map { Int($0) } } ?? [],
      logprobs: json["logprobs"].flatMap(Logprobs.init(json:)))
  }
}

extension JobResult.Usage {
  fileprivate var json: JSONValue {
    .fields([
      ("prompt_tokens", .integer(Int64(promptTokens))),
      ("completion_tokens", .integer(Int64(completionTokens))),
      ("cached_tokens", .integer(Int64(cachedTokens))),
    ])
  }

  fileprivate init?(json: JSONValue) {
    guard let prompt = json["prompt_tokens"]?.integerValue,
      let completion = json["completion_tokens"]?.integerValue
    else { return nil }
    self.init(
      promptTokens: Int(prompt), completionTokens: Int(completion),
      cachedTokens: Int(json["cached_tokens"]?.integerValue ?? 0))
  }
}

extension JobResult.Timings {
  fileprivate var json: JSONValue {
    .fields([
      ("queue_ms", queueMilliseconds.map { .double($0) }),
      ("prefill_ms", prefillMilliseconds.map { .double($0) }),
      ("decode_ms", decodeMilliseconds.map { .double($0) }),
    ])
  }

  fileprivate init(json: JSONValue) {
    self.init(
      queueMilliseconds: json["queue_ms"]?.doubleValue,
      prefillMilliseconds: json["prefill_ms"]?.doubleValue,
      decodeMilliseconds: json["decode_ms"]?.doubleValue)
  }
}

extension JobFailure {
  fileprivate var json: JSONValue {
    .fields([
      ("code", .string(code.rawValue)),
      ("message", .string(message)),
      ("param", param.map { .string($0) }),
    ])
  }

  fileprivate init?(json: JSONValue) {
    guard let code = json["code"]?.stringValue, let message = json["message"]?.stringValue else { return nil }
    self.init(code: Code(rawValue: code), message: message, param: json["param"]?.stringValue)
  }
}
