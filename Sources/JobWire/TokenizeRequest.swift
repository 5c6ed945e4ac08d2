/// The bodies of `POST /tokenize`, `{"text", "task_name"}`, and of `POST /detokenize`, `{"tokens", "task_name"}`: jobs
/// like others, since only a worker knows the vocabulary of its model, but nothing is computed for them.
package enum TokenizeRequest {
  package static let tokenizeFields = ["id", "text", "task_name", "priority", "ttl_ms"]
  package static let detokenizeFields = ["id", "tokens", "task_name", "priority", "ttl_ms"]

  package static func tokenize(
    _ bytes: [UInt8], limits: RequestLimits = .init()
  ) throws(WireError) -> JobRequest {
    let reader = try FieldReader(object: bytes, limits: limits)
    try reader.refuseUnknown(tokenizeFields)
    let allowed = "a string of 1 to \(limits.maxPromptBytes) bytes"
    guard let value = reader["text"] else {
      throw WireError(.invalid, "text is required: \(allowed)", param: "text")
    }
    guard let text = value.stringValue, (1...limits.maxPromptBytes).contains(text.utf8.count) else {
      throw reader.wrong("text", value, allowed: allowed)
    }
    return try job(.text(text), reader)
  }

  package static func detokenize(
    _ bytes: [UInt8], limits: RequestLimits = .init()
  ) throws(WireError) -> JobRequest {
    let reader = try FieldReader(object: bytes, limits: limits)
    try reader.refuseUnknown(detokenizeFields)
    guard let value = reader["tokens"] else {
      throw WireError(.invalid, "tokens is required: a list of token ids", param: "tokens")
    }
    let elements = value.arrayValue ?? []
    let tokens = elements.compactMap(\.integerValue).filter { (0...Int64(Int32.max)).contains($0) }
    guard !elements.isEmpty, tokens.count == elements.count else {
      throw reader.wrong("tokens", value, allowed: "a list of at least one token id")
    }
    return try job(.tokens(tokens.map(Int.init)), reader)
  }

  private static func job(_ prompt: Prompt, _ reader: FieldReader) throws(WireError) -> JobRequest {
    var job = JobRequest(
      id: try reader.id("id"), prompts: [prompt],
      taskName: try reader.string("task_name", maxLength: RequestLimits.maxTaskNameLength))
    if let task = TaskDescription.all.first(where: { $0.name == job.taskName }), task.kind == .classify {
      throw WireError(.invalid, "task_name must be a task that generates", param: "task_name")
    }
    job.maxNewTokens = 0
    job.echo = true
    job.priority = try reader.choice("priority", JobRequest.Priority.self) ?? .default
    job.ttlMilliseconds = try reader.integer("ttl_ms", in: RequestLimits.ttlMilliseconds)
    return job
  }
}
