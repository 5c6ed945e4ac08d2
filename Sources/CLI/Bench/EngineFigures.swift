import JobWire

/// What `gpt2 bench engine` prints.
struct EngineFigures {
  var rates: EngineBenchmark.Rates
  var plan: EngineBenchmark.Plan
  var model: String
  var threads: Int
  var quantization: String
  var kernelLevel: String
  var peakBytes: Int?
  var loadSeconds: Double
  var weightBytes: Int
  /// Of these, what one step reads.
  var weightBytesPerStep: Int
  /// Bytes a second.
  var bandwidth: Double

  private var prefill: Double? { Statistics.median(rates.prefill) }
  private var decode: Double? { Statistics.median(rates.decode) }

  /// The part of the bandwidth with which each step of the batch read the weights. More than 1 is possible
  /// where a step makes several tokens of a sequence.
  private var rooflineFraction: Double? {
    decode.map { $0 / Double(plan.batch) * Double(weightBytesPerStep) / bandwidth }
  }

  var json: JSONValue {
    func number(_ value: Double?) -> JSONValue {
      value.map { .double(Self.rounded($0, 4)) } ?? .null
    }
    func integer(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    return .fields([
      ("prefill_tokens_per_second", number(prefill)), ("decode_tokens_per_second", number(decode)),
      ("batch", integer(plan.batch)), ("threads", integer(threads)),
      ("prompt_tokens", integer(plan.promptTokens)), ("new_tokens", integer(plan.newTokens)),
      ("quantization", .string(quantization)), ("kernel_level", .string(kernelLevel)),
      ("peak_rss_bytes", peakBytes.map(integer) ?? .null), ("load_seconds", number(loadSeconds)),
      ("weights_bytes", integer(weightBytes)),
      ("read_bandwidth_bytes_per_second", .integer(Int64(bandwidth.rounded()))),
      ("roofline_fraction", number(rooflineFraction)),
    ])
  }

  var table: String {
    let rows: [(String, String)] = [
      ("model", "\(model), \(quantization), \(Self.megabytes(weightBytes)) of weights"),
      ("kernels", "\(kernelLevel), \(threads) \(threads == 1 ? "thread" : "threads")"),
      ("batch", "\(plan.batch) × (\(plan.promptTokens) prompt tokens + \(plan.newTokens) new ones)"),
      ("prefill", Self.spread(rates.prefill)),
      ("decode", decode == nil ? "no time in which all sequences ran" : Self.spread(rates.decode)),
      ("reading memory", "\(Self.gigabytes(bandwidth)) a second"),
      (
        "of that limit",
        rooflineFraction.map { "\(Self.rounded($0 * 100, 1)) % by reading the weights once a step" } ?? "–"
      ),
      ("peak memory", peakBytes.map(Self.megabytes) ?? "–"),
      ("first token", "\(Self.rounded(loadSeconds * 1000, 1)) ms after the start of the process"),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { name, value in
      name + String(repeating: " ", count: width + 2 - name.count) + value + "\n"
    }.joined()
  }

  private static func spread(_ rates: [Double]) -> String {
    guard let median = Statistics.median(rates), let least = rates.min(), let most = rates.max() else {
      return "–"
    }
    return "\(rounded(median, 1)) tokens a second (\(rounded(least, 1)) to \(rounded(most, 1)))"
  }

  private static func megabytes(_ bytes: Int) -> String { "\(rounded(Double(bytes) / 1e6, 1)) MB" }

  private static func gigabytes(_ bytes: Double) -> String { "\(rounded(bytes / 1e9, 1)) GB" }

  private static func rounded(_ value: Double, _ digits: Int) -> Double {
    let unit = (0..<digits).reduce(1.0) { product, _ in product * 10 }
    return (value * unit).rounded() / unit
  }
}
