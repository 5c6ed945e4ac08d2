import Synchronization

/// Counts values by size in fixed buckets, and adds them up.
package final class Histogram<Value: HistogramValue>: MetricHandle {
  package static var kind: MetricDescription.Kind { .histogram }

  private let bounds: [Int]
  /// One a bound, and one for what is above the last. Each value is counted in one of them; they are added up only
  /// when someone asks.
  private let buckets: [Counter]
  private let sum = Counter()

  package init(_ layout: HistogramLayout) {
    bounds = layout.bounds
    buckets = (0...layout.bounds.count).map { _ in Counter() }
  }

  /// - Parameter times: how often the value occurred.
  package func observe(_ value: Value, times: Int = 1) {
    guard times > 0 else { return }
    let units = value.histogramUnits
    var index = 0
    while index < bounds.count && units > bounds[index] { index += 1 }
    buckets[index].add(times)
    let (product, overflow) = units.multipliedReportingOverflow(by: times)
    sum.add(overflow ? units : product)
  }

  package static func lines(_ layout: HistogramLayout) -> [MetricLine] {
    let buckets = layout.bounds.map { MetricText.number(Value.number(units: $0)) } + ["+Inf"]
    return buckets.map { MetricLine(suffix: "_bucket", upperBound: $0) }
      + [MetricLine(suffix: "_sum"), MetricLine(suffix: "_count")]
  }

  /// The count is that of the last bucket, so that the two agree while others observe.
  package var numbers: [MetricNumber] {
    var total = 0
    var numbers: [MetricNumber] = []
    for bucket in buckets {
      total += bucket.value
      numbers.append(.integer(total))
    }
    return numbers + [Value.number(units: sum.value), .integer(total)]
  }
}

/// The buckets of a histogram.
package struct HistogramLayout: Sendable, Equatable {
  /// The highest value of each bucket in whole units, ascending.
  let bounds: [Int]

  /// - Parameter bounds: in any order.
  init(bounds: [Int]) {
    self.bounds = Set(bounds).sorted()
  }
}
