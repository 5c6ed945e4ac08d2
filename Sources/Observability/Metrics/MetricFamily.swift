import Synchronization

/// All series of a metric.
package final class MetricFamily<Handle: MetricHandle>: Sendable {
  private struct Series {
    let handle: Handle
    /// How each line begins; it never changes, so it is made once.
    let heads: [[UInt8]]
  }

  private let metric: Metric<Handle>
  private let series = Mutex<[[String]: Series]>([:])

  /// A metric whose labels all have lists shows all of its series from the start: Prometheus sees a first event only
  /// as a step from 0.
  init(_ metric: Metric<Handle>) {
    self.metric = metric
    for values in metric.description.combinations ?? [] { _ = handle(values) }
  }

  /// The series with these values, in the order of the labels. It is to be kept where the values are known before
  /// the event.
  package func handle(_ values: String...) -> Handle { handle(values) }

  private func handle(_ values: [String]) -> Handle {
    let bounded = metric.description.bounded(values)
    return series.withLock { series in
      if let known = series[bounded] { return known.handle }
      let isFull = series.count >= metric.description.maxSeries
      let values = isFull ? metric.description.overflow(bounded) : bounded
      if let known = series[values] { return known.handle }
      let handle = Handle(metric.layout)
      let heads = Handle.lines(metric.layout).map {
        MetricText.head(of: metric.description, line: $0, labels: values)
      }
      series[values] = Series(handle: handle, heads: heads)
      return handle
    }
  }
}

extension MetricFamily: ExposedFamily {
  func append(to exposition: inout Exposition) {
    for (labels, series) in series.withLock({ $0 }) {
      var lines: [UInt8] = []
      for (head, number) in zip(series.heads, series.handle.numbers) {
        lines.append(contentsOf: head)
        lines.append(contentsOf: MetricText.number(number).utf8)
        lines.append(UInt8(ascii: "\n"))
      }
      exposition.add(metric.description, labels: labels, lines: lines)
    }
  }
}

/// A family, whatever its handles are.
protocol ExposedFamily: Sendable {
  func append(to exposition: inout Exposition)
}
