import Observability
import Testing

/// What code that counts may rely on.
@Suite(.timeLimit(.minutes(1))) struct MetricHandleTests {
  @Test(
    "Nothing is lost when many tasks count at the same time, and everyone who reads sees whole histograms")
  func concurrency() async throws {
    let registry = MetricsRegistry()
    let counter = Metric<Counter>("a_total", labels: [MetricLabel("who")], help: "A.")
    let gauge = Metric<Gauge>("b", help: "B.")
    let histogram = Metric<Histogram<Duration>>("c_seconds", secondsUpTo: [0.001, 0.002], help: "C.")
    let (tasks, rounds) = (16, 5000)
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<tasks {
        group.addTask {
          // All tasks race for the first use of each series.
          let mine = registry.family(for: counter).handle("\(task % 4)")
          let level = registry.handle(for: gauge)
          let waits = registry.handle(for: histogram)
          for round in 0..<rounds {
            mine.add(2)
            level.add(round % 2 == 0 ? 3 : -1)
            waits.observe(.milliseconds(round % 3 + 1))
          }
        }
      }
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<50 {
            let text = await MetricsTextTests.text(registry)
            let lines = text.split(separator: "\n").filter { $0.hasPrefix("c_seconds_") }
            let counts = lines.filter { !$0.contains("sum") }.compactMap { Int($0.split(separator: " ")[1]) }
            #expect(counts == counts.sorted())
            #expect(counts.isEmpty || counts[2] == counts[3])
          }
        }
      }
    }
    let (first, second, third) = (1667 * tasks, 3334 * tasks, rounds * tasks)
    #expect(
      await MetricsTextTests.text(registry) == """
        # HELP a_total A.
        # TYPE a_total counter
        a_total{who="0"} \(4 * 2 * rounds)
        a_total{who="1"} \(4 * 2 * rounds)
        a_total{who="2"} \(4 * 2 * rounds)
        a_total{who="3"} \(4 * 2 * rounds)
        # HELP b B.
        # TYPE b gauge
        b \(tasks * rounds)
        # HELP c_seconds C.
        # TYPE c_seconds histogram
        c_seconds_bucket{le="0.001"} \(first)
        c_seconds_bucket{le="0.002"} \(second)
        c_seconds_bucket{le="+Inf"} \(third)
        c_seconds_sum \(Double(tasks * (1667 + 1667 * 2 + 1666 * 3)) / 1000)
        c_seconds_count \(third)

        """)
  }

  @Test("A counter never goes down")
  func monotonic() {
    let counter = Counter()
    counter.add(5)
    counter.add(-3)
    counter.add(0)
    #expect(counter.value == 5)
  }

  @Test("Asking again gives the same handle")
  func sameHandle() {
    let registry = MetricsRegistry()
    let metric = Metric<Gauge>("g", labels: [MetricLabel("x")], help: "G.")
    #expect(registry.family(for: metric).handle("1") === registry.family(for: metric).handle("1"))
    #expect(registry.family(for: metric).handle("1") !== registry.family(for: metric).handle("2"))
  }

  @Test("A histogram takes durations that are negative or longer than any process runs")
  func extremeDurations() async {
    let registry = MetricsRegistry()
    let metric = Metric<Histogram<Duration>>("h_seconds", secondsUpTo: [1], help: "H.")
    let histogram = registry.handle(for: metric)
    histogram.observe(.seconds(-5))
    histogram.observe(.seconds(Int64.max))
    histogram.observe(.seconds(Int64.max), times: 100_000)
    histogram.observe(.seconds(1), times: -1)
    let text = await MetricsTextTests.text(registry)
    #expect(text.contains(#"h_seconds_bucket{le="1"} 1"# + "\n"))
    #expect(!text.contains("sum -"))
  }
}
