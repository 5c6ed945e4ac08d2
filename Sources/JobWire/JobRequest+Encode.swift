extension JobRequest {
  /// The job as JSON in the order of `docs/wire-format.md`, without what has its default; `decode` gives the same
  /// again.
  package func encode() -> [UInt8] {
    JSONValue.fields([
      ("id", id.map { .string($0) }),
      ("prompt", prompts.count == 1 ? prompts[0].json : .array(prompts.map(\.json))),
      ("task_name", taskName.map { .string($0) }),
      ("max_new_tokens", .integer(Int64(maxNewTokens))),
      ("min_tokens", integer(minTokens, default: 0)),
      ("ignore_eos", ignoresEndOfText ? .bool(true) : nil),
      ("temperature", number(temperature, default: 1)),
      ("top_k", integer(topK, default: 0)),
      ("top_p", number(topP, default: 1)),
      ("min_p", number(minP, default: 0)),
      ("typical_p", number(typicalP, default: 1)),
      ("repetition_penalty", number(repetitionPenalty, default: 1)),
      ("presence_penalty", number(presencePenalty, default: 0)),
      ("frequency_penalty", number(frequencyPenalty, default: 0)),
      (
        "logit_bias",
        logitBias.isEmpty ? nil : .object(logitBias.map { .init("\($0.token)", .double($0.bias)) })
      ),
      ("stop", stop.isEmpty ? nil : .array(stop.map { .string($0) })),
      ("seed", seed.map { .integer($0) }),
      ("n", integer(completions, default: 1)),
      ("best_of", bestOf.map { .integer(Int64($0)) }),
      ("logprobs", logprobs.map { .integer(Int64($0)) }),
      ("echo", echo ? .bool(true) : nil),
      ("truncate", truncates ? nil : .bool(false)),
      ("stream", stream ? .bool(true) : nil),
      ("priority", priority == .default ? nil : .string(priority.rawValue)),
      ("ttl_ms", ttlMilliseconds.map { .integer(Int64($0)) }),
      ("reply_to", replyTo.map { .string($0) }),
      ("traceparent", traceparent.map { .string($0) }),
    ]).encoded
  }

  private func number(_ value: Double, default off: Double) -> JSONValue? {
    value == off ? nil : .double(value)
  }

  private func integer(_ value: Int, default off: Int) -> JSONValue? {
    value == off ? nil : .integer(Int64(value))
  }
}
