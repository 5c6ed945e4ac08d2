import FoundationEssentials
import Observability
import Testing

/// The metrics of the service, and what the documentation says of them.
@Suite struct MetricNamesTests {
  @Test("Names follow Prometheus's conventions", arguments: MetricNames.all.map(\.name))
  func conventions(name: String) throws {
    let metric = try #require(MetricNames.all.first { $0.name == name })
    #expect(name.wholeMatch(of: /(gpt2|process)(_[a-z0-9]+)+/) != nil)
    #expect(name.hasSuffix("_total") == (metric.kind == .counter))
    for unit in ["_ms", "_milliseconds", "_minutes", "_kb", "_mb", "_percent", "_bucket", "_sum", "_count"] {
      #expect(!name.hasSuffix(unit))
    }
    #expect(metric.help.hasSuffix("."))
    for label in metric.labels {
      #expect(label.name.wholeMatch(of: /[a-z][a-z_]*/) != nil)
      #expect(!["le", "quantile", "job", "instance"].contains(label.name))
    }
  }

  @Test("No name occurs twice")
  func unique() {
    #expect(Set(MetricNames.all.map(\.name)).count == MetricNames.all.count)
  }

  @Test("No metric can have more than a few hundred series, whatever the values of its labels are")
  func bounded() {
    for metric in MetricNames.all {
      let listed = metric.labels.reduce(1) { $0 * (($1.allowed?.count ?? 0) + 1) }
      #expect(metric.maxSeries + listed <= 600, "\(metric.name)")
    }
  }

  @Test("All that gateways, workers and processes count is among the names")
  func complete() async {
    let registry = MetricsRegistry()
    let gateway = GatewayMetrics(registry)
    gateway.route("/generate").answered(method: "POST", code: 200, took: .seconds(1))
    _ = WorkerMetrics(registry)
    _ = registry.handle(for: MetricNames.redisReconnects)
    registry.addProcess(version: "1")
    let shown = await MetricsTextTests.text(registry).split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
      .map { String($0.split(separator: " ")[2]) }
    let asked = MetricNames.queue.map(\.name).filter { $0 != MetricNames.redisReconnects.description.name }
    #expect(Set(shown).union(asked) == Set(MetricNames.all.map(\.name)))
    #expect(Set(shown).isDisjoint(with: asked))
  }

  // MARK: - docs/metrics.md

  private static func document() throws -> String {
    var path = URL(filePath: #filePath)
    for _ in 0..<4 { path.deleteLastPathComponent() }
    return try String(contentsOf: path.appending(path: "docs/metrics.md"), encoding: .utf8)
  }

  /// The cells of the rows whose first cell is code.
  private static func rows() throws -> [[String]] {
    try document().split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
      line.split(separator: "|").map { cell in
        String(cell.filter { $0 != "`" }.trimmingPrefix(" ").reversed().trimmingPrefix(" ").reversed())
      }
    }
  }

  @Test("The document has a row for each metric, with its type and its labels")
  func documentedMetrics() throws {
    let documented = Dictionary(
      try Self.rows().map { ($0[0], [$0[1], $0[2]]) }, uniquingKeysWith: { first, _ in first + ["twice"] })
    let actual = MetricNames.all.map { metric in
      let labels = metric.labels.map { label in
        label.allowed.map { "\(label.name): \($0.joined(separator: ", "))" } ?? label.name
      }
      return (
        metric.name, [metric.kind.rawValue, labels.isEmpty ? "–" : labels.joined(separator: "; ")]
      )
    }
    #expect(documented == Dictionary(uniqueKeysWithValues: actual))
  }

  @Test("Every metric that the document mentions exists")
  func mentionedMetrics() throws {
    let text = try Self.document()
    let names = Set(MetricNames.all.map(\.name))
    let histograms = Set(MetricNames.all.filter { $0.kind == .histogram }.map(\.name))
    for match in text.matches(of: /\b(?:gpt2|process)_[a-z0-9_]+/) {
      let name = String(match.output)
      let base = name.replacing(/_(bucket|sum|count)$/, with: "")
      #expect(names.contains(name) || histograms.contains(base), "\(name)")
    }
  }

  @Test("The alerts that the tables name are those that the document defines")
  func alerts() throws {
    let defined = try Self.document().matches(of: /- alert: (\w+)/).map { String($0.output.1) }
    let named = try Self.rows().flatMap { row in
      row[4].split(separator: ", ").map { String($0) }.filter { $0 != "–" }
    }
    #expect(Set(defined).count == defined.count)
    #expect(Set(named) == Set(defined))
  }
}
