import Observability
import Testing

/// What keeps the number of series small.
@Suite struct MetricLabelTests {
  private enum Fruit: Int, MetricWord {
    case apple, pear
  }

  @Test("A label with a list shows all of its series from the start, and anything else as other")
  func list() async {
    let registry = MetricsRegistry()
    let family = registry.family(
      for: Metric<Counter>("f_total", labels: [MetricLabel("fruit", oneOf: Fruit.self)], help: "F."))
    #expect(
      await MetricsTextTests.text(registry) == """
        # HELP f_total F.
        # TYPE f_total counter
        f_total{fruit="apple"} 0
        f_total{fruit="pear"} 0

        """)
    family.handle("plum").add()
    family.handle("stone").add()
    family.handle("pear").add()
    #expect(
      await MetricsTextTests.text(registry) == """
        # HELP f_total F.
        # TYPE f_total counter
        f_total{fruit="apple"} 0
        f_total{fruit="other"} 2
        f_total{fruit="pear"} 1

        """)
  }

  @Test("Beyond the limit of series, new values of a label without a list become other; the listed ones stay")
  func limit() async {
    let registry = MetricsRegistry()
    let family = registry.family(
      for: Metric<Counter>(
        "r_total", labels: [MetricLabel("route"), MetricLabel("fruit", oneOf: Fruit.self)], maxSeries: 2,
        help: "R."))
    for number in 0..<1000 { family.handle("/\(number)", number % 2 == 0 ? "apple" : "pear").add() }
    family.handle("/0", "apple").add(10)
    #expect(
      await MetricsTextTests.text(registry) == """
        # HELP r_total R.
        # TYPE r_total counter
        r_total{route="/0",fruit="apple"} 11
        r_total{route="/1",fruit="pear"} 1
        r_total{route="other",fruit="apple"} 499
        r_total{route="other",fruit="pear"} 499

        """)
  }

  @Test("A long value is cut")
  func longValue() async {
    let registry = MetricsRegistry()
    let metric = Metric<Gauge>("v", labels: [MetricLabel("version")], help: "V.")
    registry.family(for: metric).handle(String(repeating: "x", count: 100_000)).set(1)
    let text = await MetricsTextTests.text(registry)
    #expect(text.utf8.count < 200)
  }

  @Test("A table has the handle of each word")
  func table() {
    let registry = MetricsRegistry()
    let metric = Metric<Counter>("f_total", labels: [MetricLabel("fruit", oneOf: Fruit.self)], help: "F.")
    let table = registry.table(for: metric, by: Fruit.self)
    table[.pear].add(2)
    #expect(registry.family(for: metric).handle("pear").value == 2)
    #expect(registry.family(for: metric).handle("apple") === table[.apple])
  }
}
