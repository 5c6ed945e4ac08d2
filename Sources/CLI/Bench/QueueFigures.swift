import JobWire

/// What `gpt2 bench queue` prints.
struct QueueFigures {
  let times: QueueBenchmark.Times
  let baseline: RedisBaseline?

  init(_ times: QueueBenchmark.Times, baseline: RedisBaseline?) {
    self.times = times
    self.baseline = baseline
  }

  private var jobsPerSecond: Double { Double(times.jobs) / times.seconds }

  private func milliseconds(_ part: Double) -> Double? {
    Statistics.percentile(part, of: times.roundTrips).map { $0 * 1000 }
  }

  var json: JSONValue {
    func number(_ value: Double?, _ digits: Double = 1000) -> JSONValue {
      value.map { .double(($0 * digits).rounded() / digits) } ?? .null
    }
    return .fields([
      ("jobs_per_second", number(jobsPerSecond, 1)), ("p50_ms", number(milliseconds(0.5))),
      ("p99_ms", number(milliseconds(0.99))),
      (
        "redis_benchmark",
        baseline.map { baseline in
          .fields([
            ("lpush_per_second", number(baseline.pushesPerSecond, 1)),
            ("rpop_per_second", number(baseline.popsPerSecond, 1)),
            ("lpush_p50_ms", number(baseline.pushMilliseconds)),
          ])
        } ?? .null
      ),
    ])
  }

  var table: String {
    func text(_ value: Double?) -> String { value.map { "\(($0 * 1000).rounded() / 1000) ms" } ?? "–" }
    let beside =
      baseline.map {
        "\(Int($0.pushesPerSecond)) pushes and \(Int($0.popsPerSecond)) pops a second, "
          + "one push \(text($0.pushMilliseconds))"
      } ?? "not measured"
    return """
      jobs             \(Int(jobsPerSecond)) a second
      round trip       p50 \(text(milliseconds(0.5))), p99 \(text(milliseconds(0.99)))
      redis-benchmark  \(beside)

      """
  }
}
