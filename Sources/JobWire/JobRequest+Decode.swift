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
    let json = try JSONParser.parse(bytes)
    guard let fields = json.fieldsValue else {
      throw WireError(.malformed, "the request must be a JSON object, found \(json.summary)")
    }
    if mode == .http, let field = fields.first(where: { !isKnown($0.name) }) {
      let name = field.name.utf8.count <= 64 ? "\"\(field.name)\"" : "with a very long name"
      throw WireError(
        .unknownField, "unknown field \(name); known are \(knownNames.joined(separator: ", "))",
        param: field.name.utf8.count <= 64 ? field.name : nil)
    }
    let reader = FieldReader(json)
    try UnsupportedField.refuse(in: reader)
    return try decode(reader, mode: mode, limits: limits)
  }

  private static func decode(
    _ reader: FieldReader, mode: Source, limits: RequestLimits
  ) throws(WireError) -> JobRequest {
    JobRequest(
      id: try id(reader, mode: mode),
      prompt: try prompt(reader, limits: limits),
      taskName: try reader.string("task_name", maxBytes: RequestLimits.maxTaskNameBytes),
      maxNewTokens: try reader.integer("max_new_tokens", in: 1...limits.maxNewTokens)
        ?? min(RequestLimits.defaultNewTokens, limits.maxNewTokens),
      temperature: try reader.number("temperature", in: 0...RequestLimits.maxTemperature) ?? 1,
      topK: try reader.integer("top_k", in: 0...RequestLimits.maxTopK) ?? 0,
      topP: try reader.number("top_p", in: 0...1, allowsLowest: false) ?? 1,
      stop: try stop(reader),
      seed: try reader.int64("seed"),
      priority: try reader.choice("priority", Priority.self) ?? .default,
      ttlMilliseconds: try reader.integer("ttl_ms", in: 1...RequestLimits.maxTTLMilliseconds),
      replyTo: try replyTo(reader, mode: mode, limits: limits),
      stream: try reader.bool("stream") ?? false,
      traceparent: try traceparent(reader))
  }

  private static func id(_ reader: FieldReader, mode: Source) throws(WireError) -> String? {
    guard let value = reader["id"] else {
      if mode == .http { return nil }
      throw WireError(.invalid, "id is required: 1 to 64 of A-Z a-z 0-9 _ -", param: "id")
    }
    guard let id = value.stringValue, isValidID(id) else {
      throw reader.wrong("id", value, allowed: "a string of 1 to 64 of A-Z a-z 0-9 _ -")
    }
    return id
  }

  private static func prompt(_ reader: FieldReader, limits: RequestLimits) throws(WireError) -> String {
    guard let value = reader["prompt"] else {
      throw WireError(
        .invalid, "prompt is required: a string of 1 to \(limits.maxPromptBytes) bytes", param: "prompt")
    }
    guard let prompt = value.stringValue else {
      throw reader.wrong("prompt", value, allowed: "a string of 1 to \(limits.maxPromptBytes) bytes")
    }
    guard (1...limits.maxPromptBytes).contains(prompt.utf8.count) else {
      throw WireError(
        .invalid,
        "prompt has \(prompt.utf8.count) bytes of UTF-8; 1 to \(limits.maxPromptBytes) are allowed",
        param: "prompt")
    }
    return prompt
  }

  private static func stop(_ reader: FieldReader) throws(WireError) -> [String] {
    guard let value = reader["stop"] else { return [] }
    let values = value.arrayValue ?? [value]
    let strings = values.compactMap(\.stringValue)
    let allowed =
      "a string or up to \(RequestLimits.maxStopStrings) strings, each of 1 to "
      + "\(RequestLimits.maxStopBytes) bytes"
    guard strings.count == values.count, strings.count <= RequestLimits.maxStopStrings else {
      throw reader.wrong("stop", value, allowed: allowed)
    }
    if let bad = strings.first(where: { !(1...RequestLimits.maxStopBytes).contains($0.utf8.count) }) {
      throw WireError(
        .invalid, "stop has a string of \(bad.utf8.count) bytes; allowed is \(allowed)", param: "stop")
    }
    return strings
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

  private static func traceparent(_ reader: FieldReader) throws(WireError) -> String? {
    guard let value = reader["traceparent"] else { return nil }
    guard let text = value.stringValue, isValidTraceparent(text) else {
      throw reader.wrong("traceparent", value, allowed: "the form 00-<32 hex>-<16 hex>-<2 hex> of W3C")
    }
    return text
  }

  /// Whether this is a `traceparent` of the W3C: lower-case hexadecimal fields of 2, 32, 16 and 2 digits.
  package static func isValidTraceparent(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    return parts.map(\.count) == [2, 32, 16, 2]
      && parts.joined().allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  private static let knownNames = [
    "id", "prompt", "task_name", "max_new_tokens", "temperature", "top_k", "top_p", "stop", "seed",
    "stream", "priority", "ttl_ms", "reply_to", "traceparent",
  ]

  private static func isKnown(_ name: String) -> Bool {
    knownNames.contains(name) || UnsupportedField.all.contains { $0.name == name }
  }
}
