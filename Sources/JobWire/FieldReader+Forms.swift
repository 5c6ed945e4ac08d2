/// Fields that have a form of their own.
extension FieldReader {
  /// Reads prompts in any of their forms: a string, a list of token ids, or a list of such.
  func prompts(_ name: String, limits: RequestLimits) throws(WireError) -> [Prompt] {
    let allowed =
      "\(Self.text(limits)), a list of token ids, or a list of at most \(limits.maxPrompts) of either"
    let value = try required(name, allowed: allowed)
    guard case .array(let elements) = value, !elements.isEmpty else {
      return [try prompt(name, value, limits: limits, allowed: allowed)]
    }
    if elements.first?.integerValue != nil {
      return [try prompt(name, value, limits: limits, allowed: allowed)]
    }
    guard elements.count <= limits.maxPrompts else {
      throw WireError(
        .invalid, "\(name) has \(elements.count) prompts; at most \(limits.maxPrompts) are allowed",
        param: name)
    }
    var prompts: [Prompt] = []
    for element in elements {
      prompts.append(try prompt(name, element, limits: limits, allowed: allowed))
    }
    return prompts
  }

  /// Reads one prompt: a string, or a list of token ids.
  func prompt(_ name: String, limits: RequestLimits) throws(WireError) -> Prompt {
    let allowed = "\(Self.text(limits)), or a list of token ids"
    return try prompt(name, try required(name, allowed: allowed), limits: limits, allowed: allowed)
  }

  /// Reads a prompt that must be a string.
  func textPrompt(_ name: String, limits: RequestLimits) throws(WireError) -> Prompt {
    let allowed = Self.text(limits)
    let value = try required(name, allowed: allowed)
    guard let text = value.stringValue else { throw wrong(name, value, allowed: allowed) }
    return try prompt(name, text, limits: limits)
  }

  /// Reads a prompt that must be a list of token ids.
  func tokenPrompt(_ name: String) throws(WireError) -> Prompt {
    let allowed = "a list of at least one token id"
    let value = try required(name, allowed: allowed)
    guard let elements = value.arrayValue, !elements.isEmpty else {
      throw wrong(name, value, allowed: allowed)
    }
    return try prompt(name, elements, allowed: allowed)
  }

  private static func text(_ limits: RequestLimits) -> String {
    "a string of 1 to \(limits.maxPromptBytes) bytes"
  }

  private func required(_ name: String, allowed: String) throws(WireError) -> JSONValue {
    guard let value = self[name] else {
      throw WireError(.invalid, "\(name) is required: \(allowed)", param: name)
    }
    return value
  }

  private func prompt(
    _ name: String, _ value: JSONValue, limits: RequestLimits, allowed: String
  ) throws(WireError) -> Prompt {
    switch value {
    case .string(let text): return try prompt(name, text, limits: limits)
    case .array(let elements) where !elements.isEmpty:
      return try prompt(name, elements, allowed: allowed)
    default: throw wrong(name, value, allowed: allowed)
    }
  }

  private func prompt(
    _ name: String, _ text: String, limits: RequestLimits
  ) throws(WireError) -> Prompt {
    guard (1...limits.maxPromptBytes).contains(text.utf8.count) else {
      throw WireError(
        .invalid, "\(name) has \(text.utf8.count) bytes of UTF-8; 1 to \(limits.maxPromptBytes) are allowed",
        param: name)
    }
    return .text(text)
  }

  private func prompt(
    _ name: String, _ elements: [JSONValue], allowed: String
  ) throws(WireError) -> Prompt {
    let tokens = elements.compactMap(\.integerValue).filter { (0...Int64(Int32.max)).contains($0) }
    guard tokens.count == elements.count else {
      throw WireError(
        .invalid, "\(name) has a list with something else than token ids; allowed is \(allowed)", param: name)
    }
    return .tokens(tokens.map(Int.init))
  }

  /// Reads an object from token ids, as decimal strings, to numbers.
  func biases(_ name: String, atMost limit: Int) throws(WireError) -> [JobRequest.Bias] {
    guard let value = self[name] else { return [] }
    let range = -RequestLimits.maxBias...RequestLimits.maxBias
    let allowed =
      "an object of at most \(limit) token ids such as \"50256\", each with a number from \(range.lowerBound) to "
      + "\(range.upperBound)"
    guard let fields = value.fieldsValue, fields.count <= limit else {
      throw wrong(name, value, allowed: allowed)
    }
    var biases: [JobRequest.Bias] = []
    for field in fields {
      // One way to write each id, so that none is there twice.
      guard let token = Int32(field.name), token >= 0, String(token) == field.name,
        let bias = field.value.doubleValue,
        range.contains(bias)
      else {
        let entry =
          field.name.utf8.count <= 20 ? "\"\(field.name)\": \(field.value.summary)" : "a very long name"
        throw WireError(.invalid, "\(name) must be \(allowed); found \(entry)", param: name)
      }
      biases.append(JobRequest.Bias(token: Int(token), bias: bias))
    }
    return biases.sorted { $0.token < $1.token }
  }

  /// Reads a string or a list of strings.
  func stop(_ name: String, limits: RequestLimits) throws(WireError) -> [String] {
    guard let value = self[name] else { return [] }
    let values = value.arrayValue ?? [value]
    let strings = values.compactMap(\.stringValue)
    let allowed =
      "a string or up to \(limits.maxStopStrings) strings, each of 1 to \(limits.maxStopLength) characters"
    guard values.count <= limits.maxStopStrings else { throw wrong(name, value, allowed: allowed) }
    if let other = values.first(where: { $0.stringValue == nil }) {
      throw wrong(name, other, allowed: allowed)
    }
    let lengths = 1...limits.maxStopLength
    if let bad = strings.first(where: { !lengths.contains($0.unicodeScalars.count) }) {
      throw WireError(
        .invalid, "\(name) has a string of \(bad.unicodeScalars.count) characters; allowed is \(allowed)",
        param: name)
    }
    return strings
  }

  func id(_ name: String) throws(WireError) -> String? {
    guard let value = self[name] else { return nil }
    guard let id = value.stringValue, JobRequest.isValidID(id) else {
      throw wrong(name, value, allowed: "a string of 1 to 64 of A-Z a-z 0-9 _ -")
    }
    return id
  }

  func traceparent(_ name: String) throws(WireError) -> String? {
    guard let value = self[name] else { return nil }
    guard let text = value.stringValue, JobRequest.isValidTraceparent(text) else {
      throw wrong(
        name, value, allowed: "the form of W3C, such as 00-<32 hex>-<16 hex>-<2 hex>, neither id all zeros")
    }
    return text
  }
}
