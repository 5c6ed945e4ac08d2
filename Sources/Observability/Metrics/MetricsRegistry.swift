import Synchronization

/// All metrics of a process, and their text for Prometheus.
///
/// Code that counts asks for its handles once, at the start, and keeps them.
package final class MetricsRegistry: Sendable {
  /// Of the text.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private struct State {
    var families: [String: any ExposedFamily] = [:]
    var collectors: [MetricCollector] = []
  }

  private let state = Mutex(State())

  package init() {}

  /// The handle of a metric without labels; the same one every time.
  package func handle<Handle>(for metric: Metric<Handle>) -> Handle {
    family(for: metric).handle()
  }

  /// The handles of a metric with one label, whose values are `words`.
  package func table<Word, Handle>(for metric: Metric<Handle>, by words: Word.Type) -> MetricTable<
    Word, Handle
  > {
    MetricTable(family(for: metric))
  }

  /// All series of a metric; the same object every time.
  package func family<Handle>(for metric: Metric<Handle>) -> MetricFamily<Handle> {
    state.withLock { state in
      let name = metric.description.name
      if let known = state.families[name] {
        guard let family = known as? MetricFamily<Handle> else {
          preconditionFailure("\(name) is the name of two metrics")
        }
        return family
      }
      let family = MetricFamily(metric)
      state.families[name] = family
      return family
    }
  }

  /// Has values read whenever someone asks.
  ///
  /// - Parameters:
  ///   - deadline: how long reading may take.
  ///   - late: the values if it takes longer.
  ///   - body: reads them. It is never called while an earlier call runs.
  package func collect(
    deadline: Duration = .seconds(2), late: [MetricSample] = [],
    _ body: @escaping @Sendable () async -> [MetricSample]
  ) {
    let collector = MetricCollector(deadline: deadline, late: late, body: body)
    state.withLock { $0.collectors.append(collector) }
  }

  /// The text of all metrics that have a value.
  package func text() async -> [UInt8] {
    let collectors = state.withLock { $0.collectors }
    let read = await withTaskGroup(of: (Int, [MetricSample]).self) { group in
      for (index, collector) in collectors.enumerated() {
        group.addTask { (index, await collector.samples()) }
      }
      return await group.reduce(into: [Int: [MetricSample]]()) { $0[$1.0] = $1.1 }
    }
    var exposition = Exposition()
    // The handles after the collectors, so that they are not older than they need to be.
    for family in state.withLock({ $0.families.values }) { family.append(to: &exposition) }
    for index in collectors.indices {
      for sample in read[index] ?? [] { exposition.add(sample) }
    }
    return exposition.text
  }
}
