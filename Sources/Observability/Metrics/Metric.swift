/// The definition of a metric with handles of one type: its name, its labels, and what a handle needs to be made.
package struct Metric<Handle: MetricHandle>: Sendable {
  package let description: MetricDescription
  let layout: Handle.Layout

  private init(
    _ name: String, _ labels: [MetricLabel], _ maxSeries: Int, _ layout: Handle.Layout, _ help: String
  ) {
    description = MetricDescription(
      name: name, kind: Handle.kind, help: help, labels: labels, maxSeries: maxSeries)
    self.layout = layout
  }
}

extension Metric where Handle.Layout == Void {
  package init(_ name: String, labels: [MetricLabel] = [], maxSeries: Int = 256, help: String) {
    self.init(name, labels, maxSeries, (), help)
  }

  /// A value that is known only when it is asked for. The labels' values come in the order of the labels.
  package func sample(_ values: String..., is number: Int) -> MetricSample {
    MetricSample(of: description, labels: values, number: .integer(number))
  }

  /// A value that is known only when it is asked for. The labels' values come in the order of the labels.
  package func sample(_ values: String..., is number: Double) -> MetricSample {
    MetricSample(of: description, labels: values, number: .real(number))
  }
}

extension Metric where Handle == Histogram<Int> {
  /// - Parameter bounds: the highest value of each bucket; one more bucket takes what is above.
  package init(
    _ name: String, labels: [MetricLabel] = [], maxSeries: Int = 256, upTo bounds: [Int], help: String
  ) {
    self.init(name, labels, maxSeries, HistogramLayout(bounds: bounds), help)
  }
}

extension Metric where Handle == Histogram<Duration> {
  /// - Parameter bounds: the longest duration of each bucket; one more bucket takes what is above.
  package init(
    _ name: String, labels: [MetricLabel] = [], maxSeries: Int = 256, secondsUpTo bounds: [Double],
    help: String
  ) {
    self.init(
      name, labels, maxSeries, HistogramLayout(bounds: bounds.map { Duration.seconds($0).histogramUnits }),
      help)
  }
}
