import Observability
import Testing

/// The text that Prometheus reads.
@Suite struct MetricsTextTests {
  private static let jobs = Metric<Counter>("jobs_total", help: "Jobs.")
  private static let level = Metric<Gauge>("level", help: "Level.")
  private static let ratio = Metric<RealGauge>("ratio", help: "Ratio.")
  private static let waits = Metric<Histogram<Duration>>(
    "wait_seconds", secondsUpTo: [0.005, 0.5, 2], help: "Waits.")
  private static let sizes = Metric<Histogram<Int>>(
    "size", labels: [MetricLabel("kind", oneOf: ["a"])], upTo: [1, 4], help: "Sizes.")

  static func text(_ registry: MetricsRegistry) async -> String {
    String(decoding: await registry.text(), as: UTF8.self)
  }

  @Test("A registry without metrics has no text")
  func empty() async {
    #expect(await Self.text(MetricsRegistry()).isEmpty)
  }

  @Test("Metrics are sorted by name, each with its help and type")
  func simple() async {
    let registry = MetricsRegistry()
    registry.handle(for: Self.ratio).set(0.25)
    registry.handle(for: Self.level).set(-3)
    let counter = registry.handle(for: Self.jobs)
    counter.add()
    counter.add(41)
    #expect(
      await Self.text(registry) == """
        # HELP jobs_total Jobs.
        # TYPE jobs_total counter
        jobs_total 42
        # HELP level Level.
        # TYPE level gauge
        level -3
        # HELP ratio Ratio.
        # TYPE ratio gauge
        ratio 0.25

        """)
  }

  @Test("A histogram of durations has buckets in seconds, each with all shorter ones, a sum and a count")
  func durations() async {
    let registry = MetricsRegistry()
    let waits = registry.handle(for: Self.waits)
    waits.observe(.milliseconds(5))
    waits.observe(.microseconds(5001))
    waits.observe(.seconds(1), times: 2)
    waits.observe(.seconds(60))
    #expect(
      await Self.text(registry) == """
        # HELP wait_seconds Waits.
        # TYPE wait_seconds histogram
        wait_seconds_bucket{le="0.005"} 1
        wait_seconds_bucket{le="0.5"} 2
        wait_seconds_bucket{le="2"} 4
        wait_seconds_bucket{le="+Inf"} 5
        wait_seconds_sum 62.010001
        wait_seconds_count 5

        """)
  }

  @Test("A histogram with labels puts the bucket's bound behind them")
  func sizes() async {
    let registry = MetricsRegistry()
    let sizes = registry.family(for: Self.sizes).handle("a")
    for size in [0, 1, 4, 5] { sizes.observe(size) }
    #expect(
      await Self.text(registry) == """
        # HELP size Sizes.
        # TYPE size histogram
        size_bucket{kind="a",le="1"} 2
        size_bucket{kind="a",le="4"} 3
        size_bucket{kind="a",le="+Inf"} 4
        size_sum{kind="a"} 10
        size_count{kind="a"} 4

        """)
  }

  @Test("Quotes, backslashes and line ends are escaped; in help texts quotes are not")
  func escaping() async {
    let registry = MetricsRegistry()
    let metric = Metric<Counter>("odd_total", labels: [MetricLabel("name")], help: "A \"b\" \\ c\nd é")
    registry.family(for: metric).handle("\"\\\n\r\né").add()
    #expect(
      await Self.text(registry)
        == #"""
        # HELP odd_total A "b" \\ c\nd é
        # TYPE odd_total counter
        odd_total{name="\"\\\n\#r\né"} 1

        """#)
  }

  @Test("Series are sorted by the values of their labels, in the order of the labels")
  func seriesOrder() async {
    let registry = MetricsRegistry()
    let family = registry.family(
      for: Metric<Counter>("r_total", labels: [MetricLabel("route"), MetricLabel("code")], help: "R."))
    family.handle("/b", "200").add(1)
    family.handle("/a", "500").add(2)
    family.handle("/a", "200").add(3)
    #expect(
      await Self.text(registry) == """
        # HELP r_total R.
        # TYPE r_total counter
        r_total{route="/a",code="200"} 3
        r_total{route="/a",code="500"} 2
        r_total{route="/b",code="200"} 1

        """)
  }

  @Test("What is no finite number, and a counter below 0, is left out")
  func noNumbers() async {
    let registry = MetricsRegistry()
    let gauge = registry.handle(for: Self.ratio)
    gauge.set(0.5)
    gauge.set(.nan)
    gauge.set(.infinity)
    registry.collect {
      [
        Self.level.sample(is: Double.nan), Self.level.sample(is: -Double.infinity),
        Self.jobs.sample(is: -1), Self.jobs.sample(is: -0.5),
      ]
    }
    #expect(await Self.text(registry) == "# HELP ratio Ratio.\n# TYPE ratio gauge\nratio 0.5\n")
  }

  @Test(
    "Numbers have no fraction if they are whole, and are never rounded",
    arguments: [
      (1e9, "1000000000"), (0.1, "0.1"), (1_732_567_890.25, "1732567890.25"), (1e-7, "1e-07"), (-2, "-2"),
      (1e300, "1e+300"),
    ])
  func numbers(value: Double, text: String) async {
    let registry = MetricsRegistry()
    registry.collect { [Self.ratio.sample(is: value)] }
    #expect(await Self.text(registry).hasSuffix("ratio \(text)\n"))
  }
}
