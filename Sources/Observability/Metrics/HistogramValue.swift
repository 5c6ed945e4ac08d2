/// What a histogram can count. It is added up in whole units, so that a sum is one atomic addition and no addition
/// is lost to rounding.
package protocol HistogramValue: Sendable {
  /// The value in whole units; never negative.
  var histogramUnits: Int { get }
  /// What Prometheus is told of so many units.
  static func number(units: Int) -> MetricNumber
}

extension Int: HistogramValue {
  package var histogramUnits: Int { Swift.max(0, self) }
  package static func number(units: Int) -> MetricNumber { .integer(units) }
}

extension Duration: HistogramValue {
  /// Microseconds: with nanoseconds, a thousand requests at a time would overflow their sum within months.
  package var histogramUnits: Int {
    let (seconds, attoseconds) = components
    if seconds < 0 || attoseconds < 0 { return 0 }
    let fraction = (attoseconds + 500_000_000_000) / 1_000_000_000_000
    // Longer than any process runs; keeps the product below from overflowing.
    return Int(Swift.min(seconds, 1_000_000_000)) * 1_000_000 + Int(fraction)
  }

  package static func number(units: Int) -> MetricNumber { .real(Double(units) / 1e6) }
}
