extension JobRequest {
  /// Where a request came from.
  package enum Source: Sendable {
    /// The body of `POST /generate`: unknown fields are refused by name, `id` may be absent, and `reply_to`
    /// is refused, because whoever may call the gateway may not write to other callers' reply lists.
    case http
    /// An element of a list: `id` is required, and unknown fields are ignored.
    case queue
  }

  /// Reads and checks a request; what it returns is safe to run.
  package static func decode(
    _ bytes: [UInt8], mode: Source, limits: RequestLimits = .init()
  ) throws(WireError) -> JobRequest {
    // A gateway adds an id and a reply key to a body that was just within the limit.
    let maxBytes = limits.maxBodyBytes + (mode == .queue ? RequestLimits.maxAddedBytes : 0)
    guard bytes.count <= maxBytes else {
      throw WireError(.tooLarge, "the request has \(bytes.count) bytes; at most \(maxBytes) are allowed")
    }
    let reader = try FieldReader(object: bytes, limits: limits)
    if mode == .http { try reader.refuseUnknown(fieldNames) }
    return try decode(reader, mode: mode, limits: limits)
  }

  private static func decode(
    _ reader: FieldReader, mode: Source, limits: RequestLimits
  ) throws(WireError) -> JobRequest {
    var request = JobRequest(
      id: try id(reader, mode: mode), prompts: try reader.prompts("prompt", limits: limits),
      taskName: try reader.string("task_name", maxLength: RequestLimits.maxTaskNameLength))
    try request.readSettings(
      reader, lengthName: "max_new_tokens", defaultLength: RequestLimits.defaultNewTokens, limits: limits)
    request.truncates = try reader.bool("truncate") ?? true
    request.replyTo = try replyTo(reader, mode: mode, limits: limits)
    request.traceparent = try reader.traceparent("traceparent")
    return request
  }

  /// Reads what the vocabularies have in common.
  ///
  /// - Parameter lengthName: what the field of `maxNewTokens` is called.
  mutating func readSettings(
    _ reader: FieldReader, lengthName: String, defaultLength: Int, limits: RequestLimits
  ) throws(WireError) {
    echo = try reader.bool("echo") ?? false
    maxNewTokens =
      try reader.integer(lengthName, in: 0...limits.maxNewTokens)
      ?? min(defaultLength, limits.maxNewTokens)
    // More than the longest text is the longest text.
    minTokens = try reader.integer("min_tokens", in: 0...limits.maxNewTokens) ?? 0
    ignoresEndOfText = try reader.bool("ignore_eos") ?? false
    stop = try reader.stop("stop", limits: limits)
    priority = try reader.choice("priority", Priority.self) ?? .default
    ttlMilliseconds = try reader.integer("ttl_ms", in: RequestLimits.ttlMilliseconds)
    try readSampling(reader, limits: limits)
    try readChoices(reader, limits: limits)
  }

  private mutating func readSampling(_ reader: FieldReader, limits: RequestLimits) throws(WireError) {
    let penalties = -RequestLimits.maxPenalty...RequestLimits.maxPenalty
    temperature = try reader.number("temperature", in: 0...RequestLimits.maxTemperature) ?? 1
    topK = try reader.integer("top_k", in: 0...RequestLimits.maxTopK) ?? 0
    topP = try reader.number("top_p", in: 0...1, allowsLowest: false) ?? 1
    minP = try reader.number("min_p", in: 0...1) ?? 0
    typicalP = try reader.number("typical_p", in: 0...1, allowsLowest: false) ?? 1
    repetitionPenalty =
      try reader.number(
        "repetition_penalty", in: 0...RequestLimits.maxRepetitionPenalty, allowsLowest: false) ?? 1
    presencePenalty = try reader.number("presence_penalty", in: penalties) ?? 0
    frequencyPenalty = try reader.number("frequency_penalty", in: penalties) ?? 0
    logitBias = try reader.biases("logit_bias", atMost: limits.maxLogitBiases)
    seed = try reader.int64("seed")
  }

  private mutating func readChoices(_ reader: FieldReader, limits: RequestLimits) throws(WireError) {
    completions = try reader.integer("n", in: 1...limits.maxCompletions) ?? 1
    bestOf = try reader.integer("best_of", in: completions...max(completions, limits.maxCompletions))
    logprobs = try reader.integer("logprobs", in: 0...limits.maxLogprobs)
    stream = try reader.bool("stream") ?? false
  }

  private static func id(_ reader: FieldReader, mode: Source) throws(WireError) -> String? {
    let id = try reader.id("id")
    if id == nil, mode == .queue {
      throw WireError(.invalid, "id is required: 1 to 64 of A-Z a-z 0-9 _ -", param: "id")
    }
    return id
  }

  static func replyTo(
    _ reader: FieldReader, mode: Source, limits: RequestLimits
  ) throws(WireError) -> String? {
    guard let value = reader["reply_to"] else { return nil }
    if mode == .http {
      throw WireError(
        .unsupported, "reply_to is only for jobs pushed to the queue; over HTTP the response is the result",
        param: "reply_to")
    }
    let prefixes = ["reply", "inbox"].map { "{\(limits.queueNamespace)}:\($0):" }
    guard let key = value.stringValue, key.utf8.count <= RequestLimits.maxReplyKeyBytes,
      prefixes.contains(where: { key.hasPrefix($0) && key.utf8.count > $0.utf8.count }),
      key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
      throw reader.wrong(
        "reply_to", value,
        allowed: "a key of printable ASCII that begins with \(prefixes.joined(separator: " or "))")
    }
    return key
  }

  /// Whether this is a `traceparent` of the W3C: lower-case hexadecimal fields of 2, 32, 16 and 2 digits, a version that
  /// isn't `ff`, and no id of zeros alone.
  package static func isValidTraceparent(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    return parts.map(\.count) == [2, 32, 16, 2]
      && !parts[0].elementsEqual("ff".utf8)
      && parts[1...2].allSatisfy { id in id.contains { $0 != UInt8(ascii: "0") } }
      && parts.joined().allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  /// The fields of a request.
  package static let fieldNames = [
    "id", "prompt", "task_name", "max_new_tokens", "min_tokens", "ignore_eos", "temperature", "top_k",
    "top_p",
    "min_p", "typical_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "logit_bias", "stop",
    "seed", "n", "best_of", "logprobs", "echo", "truncate", "stream", "priority", "ttl_ms", "reply_to",
    "traceparent",
  ]
}
