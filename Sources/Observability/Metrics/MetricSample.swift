/// One value of a metric that is read when someone asks, not counted as it happens.
package struct MetricSample: Sendable, Equatable {
  let metric: MetricDescription
  let labels: [String]
  let number: MetricNumber

  init(of metric: MetricDescription, labels: [String], number: MetricNumber) {
    self.metric = metric
    self.labels = metric.bounded(labels)
    self.number = number
  }

  /// Whether it says anything: what is no finite number, or a counter below 0, would only spoil sums and rates.
  var isMeaningful: Bool {
    switch number {
    case .integer(let value): metric.kind == .gauge || value >= 0
    case .real(let value): value.isFinite && (metric.kind == .gauge || value >= 0)
    }
  }
}
