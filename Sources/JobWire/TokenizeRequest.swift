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
    return try job(try reader.textPrompt("text", limits: limits), reader)
  }

  package static func detokenize(
    _ bytes: [UInt8], limits: RequestLimits = .init()
  ) throws(WireError) -> JobRequest {
    let reader = try FieldReader(object: bytes, limits: limits)
    try reader.refuseUnknown(detokenizeFields)
    return try job(try reader.tokenPrompt("tokens"), reader)
  }

  private static func job(_ prompt: Prompt, _ reader: FieldReader) throws(WireError) -> JobRequest {
    var job = JobRequest(
      id: try reader.id("id"), prompts: [prompt],
      taskName: try reader.string("task_name", maxLength: RequestLimits.maxTaskNameLength))
    if let task = TaskDescription.all.first(where: { $0.name == job.taskName }), task.kind == .classify {
      let names = TaskDescription.all.filter { $0.kind == .generate }.map { "\"\($0.name)\"" }
      throw WireError(
        .invalid,
        "task_name must be absent or a task that generates, like \(names.joined(separator: ", ")); "
          + "found \"\(task.name)\", which classifies", param: "task_name")
    }
    job.maxNewTokens = 0
    job.echo = true
    job.priority = try reader.choice("priority", JobRequest.Priority.self) ?? .default
    job.ttlMilliseconds = try reader.integer("ttl_ms", in: RequestLimits.ttlMilliseconds)
    return job
  }
}
