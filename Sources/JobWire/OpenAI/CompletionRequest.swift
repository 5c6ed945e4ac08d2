/// The body of `POST /v1/completions`: OpenAI's names and defaults for what `JobRequest` has.
///
/// Samplers that OpenAI doesn't know go by their names in `POST /generate`, as other servers of this interface have
/// them.
package struct CompletionRequest: Sendable, Equatable {
  /// OpenAI's own default.
  static let defaultMaxTokens = 16

  /// The name of a model, or of a task that generates.
  package var model: String
  package var job: JobRequest
  /// Whether a stream ends with an event that says how many tokens there were.
  package var includesUsage: Bool

  package static let fieldNames = [
    "model", "prompt", "max_tokens", "temperature", "top_p", "n", "best_of", "stream", "stream_options",
    "logprobs", "echo", "stop", "presence_penalty", "frequency_penalty", "logit_bias", "seed", "suffix",
    "user",
    "top_k", "min_p", "typical_p", "repetition_penalty", "min_tokens", "ignore_eos", "priority", "ttl_ms",
  ]

  /// Reads and checks a request.
  package static func decode(
    _ bytes: [UInt8], limits: RequestLimits = .init()
  ) throws(WireError) -> CompletionRequest {
    let reader = try FieldReader(object: bytes, limits: limits)
    try reader.refuseUnknown(fieldNames)
    guard let model = try reader.string("model", maxLength: RequestLimits.maxTaskNameLength), !model.isEmpty
    else {
      throw WireError(.invalid, "model is required: a name that GET /v1/models lists", param: "model")
    }
    if let suffix = reader["suffix"], suffix != .string("") {
      throw WireError(
        .unsupported, "suffix is not supported: the model only goes on from its prompt", param: "suffix")
    }
    _ = try reader.string("user", maxLength: RequestLimits.maxTaskNameLength)
    var job = JobRequest(prompts: try reader.prompts("prompt", limits: limits))
    try job.readSettings(
      reader, lengthName: "max_tokens", defaultLength: defaultMaxTokens, limits: limits)
    // As OpenAI's service does.
    job.truncates = false
    let includesUsage = try includesUsage(reader, stream: job.stream)
    return CompletionRequest(model: model, job: job, includesUsage: includesUsage)
  }

  private static func includesUsage(_ reader: FieldReader, stream: Bool) throws(WireError) -> Bool {
    guard let options = reader["stream_options"] else { return false }
    guard options.fieldsValue != nil else {
      throw reader.wrong("stream_options", options, allowed: "an object with include_usage")
    }
    guard stream else {
      throw WireError(
        .invalid, "stream_options is only allowed where stream is true", param: "stream_options")
    }
    let fields = FieldReader(options)
    // Padding against those who watch the length of events on the wire; there is none to switch off.
    try fields.refuseUnknown(["include_usage", "include_obfuscation"])
    _ = try fields.bool("include_obfuscation")
    return try fields.bool("include_usage") ?? false
  }
}
