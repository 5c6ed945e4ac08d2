import Observability
import Testing

/// What the parts of the service count.
@Suite struct ServiceMetricsTests {
  private static func lines(_ registry: MetricsRegistry, _ prefix: String) async -> [String] {
    await MetricsTextTests.text(registry).split(separator: "\n").map { String($0) }
      .filter { $0.hasPrefix(prefix) }
  }

  @Test("Answers are counted by route, method and code, and timed by route")
  func requests() async {
    let registry = MetricsRegistry()
    let metrics = GatewayMetrics(registry)
    for code in [200, 429, 200] {
      metrics.route("/generate").answered(method: "POST", code: code, took: .milliseconds(300))
    }
    metrics.route("/jobs/{id}").answered(method: "GET", code: 200, took: .milliseconds(2))
    metrics.route(nil).answered(method: "GET", code: 404, took: .milliseconds(1))
    #expect(
      await Self.lines(registry, "gpt2_http_requests_total") == [
        #"gpt2_http_requests_total{route="/generate",method="POST",code="200"} 2"#,
        #"gpt2_http_requests_total{route="/generate",method="POST",code="429"} 1"#,
        #"gpt2_http_requests_total{route="/jobs/{id}",method="GET",code="200"} 1"#,
        #"gpt2_http_requests_total{route="other",method="GET",code="404"} 1"#,
      ])
    #expect(
      await Self.lines(registry, "gpt2_http_request_duration_seconds_count") == [
        #"gpt2_http_request_duration_seconds_count{route="/generate"} 3"#,
        #"gpt2_http_request_duration_seconds_count{route="/jobs/{id}"} 1"#,
        #"gpt2_http_request_duration_seconds_count{route="other"} 1"#,
      ])
  }

  @Test("Clients that invent methods, and code that invents routes, make few series")
  func inventedLabels() async {
    let registry = MetricsRegistry()
    let metrics = GatewayMetrics(registry)
    for number in 0..<2000 {
      metrics.route("/generate").answered(method: "M\(number)", code: 405, took: .zero)
      metrics.route("/jobs/\(number)").answered(method: "GET", code: 200, took: .zero)
    }
    let requests = await Self.lines(registry, "gpt2_http_requests_total")
    #expect(requests.count < 100)
    #expect(requests.contains(#"gpt2_http_requests_total{route="/generate",method="other",code="405"} 2000"#))
    let total = requests.compactMap { Int($0.split(separator: " ")[1]) }.reduce(0, +)
    #expect(total == 4000)
    #expect(await Self.lines(registry, "gpt2_http_request_duration_seconds_count").count < 100)
  }

  @Test("The first token of a stream is timed from the request, the others from the one before")
  func tokenTimes() async {
    let registry = MetricsRegistry()
    let start = ContinuousClock.now
    var timer = GatewayMetrics(registry).tokenTimer(start: start)
    timer.received(at: start + .milliseconds(40))
    timer.received(at: start + .milliseconds(50))
    timer.received(0, at: start + .milliseconds(70))
    timer.received(3, at: start + .milliseconds(110))
    #expect(
      await Self.lines(registry, "gpt2_http_time_to_first_token_seconds_sum")
        + Self.lines(registry, "gpt2_http_time_to_first_token_seconds_count") == [
          "gpt2_http_time_to_first_token_seconds_sum 0.04", "gpt2_http_time_to_first_token_seconds_count 1",
        ])
    // 10 ms, and then three tokens in 60 ms.
    let between = await Self.lines(registry, "gpt2_http_time_between_tokens_seconds_")
    #expect(between.contains(#"gpt2_http_time_between_tokens_seconds_bucket{le="0.01"} 1"#))
    #expect(between.contains(#"gpt2_http_time_between_tokens_seconds_bucket{le="0.02"} 4"#))
    #expect(between.suffix(2).first == "gpt2_http_time_between_tokens_seconds_sum 0.07")
  }

  @Test("Each word has a handle of its own")
  func words() {
    func check<Word: MetricWord, Handle>(
      _ metric: Metric<Handle>, _: Word.Type, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let registry = MetricsRegistry()
      let table = registry.table(for: metric, by: Word.self)
      for word in Word.allCases {
        #expect(
          table[word] === registry.family(for: metric).handle("\(word)"), sourceLocation: sourceLocation)
      }
      #expect(
        metric.description.labels.map(\.allowed) == [Word.allCases.map { "\($0)" }],
        sourceLocation: sourceLocation)
    }
    check(MetricNames.httpTokens, MetricWords.Tokens.self)
    check(MetricNames.httpRateLimited, MetricWords.RateLimit.self)
    check(MetricNames.queueDepth, MetricWords.Priority.self)
    check(MetricNames.queueEvents, MetricWords.QueueEvent.self)
    check(MetricNames.workerJobs, MetricWords.JobOutcome.self)
    check(MetricNames.workerTokens, MetricWords.Tokens.self)
    check(MetricNames.workerPages, MetricWords.PageState.self)
    check(MetricNames.workerSpeculatedTokens, MetricWords.Speculation.self)
  }

  @Test("A worker shows all outcomes of jobs from the start")
  func outcomes() async {
    let registry = MetricsRegistry()
    let metrics = WorkerMetrics(registry)
    metrics.jobs[.fenced].add()
    #expect(
      await Self.lines(registry, "gpt2_worker_jobs_total") == [
        #"gpt2_worker_jobs_total{status="cancelled"} 0"#, #"gpt2_worker_jobs_total{status="completed"} 0"#,
        #"gpt2_worker_jobs_total{status="failed"} 0"#,
        #"gpt2_worker_jobs_total{status="fenced"} 1"#, #"gpt2_worker_jobs_total{status="released"} 0"#,
      ])
  }
}
