import JobWire

/// What `gpt2 bench http` prints.
struct LoadFigures {
  /// Requests that ended within the time, over the time.
  let requestsPerSecond: Double
  let generatedTokensPerSecond: Double
  /// Of all requests that were answered, also of those that ended after the time: the slowest ones are not to be
  /// missing.
  let milliseconds: [Double]
  let errors: Int

  init(_ outcomes: [HTTPLoad.Outcome], seconds: Double) {
    let inTime = outcomes.filter { $0.end <= seconds && $0.generatedTokens != nil }
    requestsPerSecond = Double(inTime.count) / seconds
    generatedTokensPerSecond = Double(inTime.compactMap(\.generatedTokens).reduce(0, +)) / seconds
    milliseconds = outcomes.filter { $0.generatedTokens != nil }.map { ($0.end - $0.begin) * 1000 }.sorted()
    errors = outcomes.count { $0.generatedTokens == nil }
  }

  private func percentile(_ part: Double) -> Double? {
    Statistics.percentile(part, of: milliseconds).map { Self.rounded($0) }
  }

  var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .double($0) } ?? .null }
    return .fields([
      ("requests_per_second", number(Self.rounded(requestsPerSecond))), ("p50_ms", number(percentile(0.5))),
      ("p95_ms", number(percentile(0.95))), ("p99_ms", number(percentile(0.99))),
      ("errors", .integer(Int64(errors))),
      ("generated_tokens_per_second", number(Self.rounded(generatedTokensPerSecond))),
    ])
  }

  var table: String {
    func milliseconds(_ part: Double) -> String { percentile(part).map { "\($0) ms" } ?? "–" }
    return """
      requests   \(Self.rounded(requestsPerSecond)) a second, \(errors) errors
      tokens     \(Self.rounded(generatedTokensPerSecond)) a second
      latency    p50 \(milliseconds(0.5)), p95 \(milliseconds(0.95)), p99 \(milliseconds(0.99))

      """
  }

  private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
