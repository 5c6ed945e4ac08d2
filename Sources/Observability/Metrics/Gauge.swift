import Synchronization

/// A whole number that goes up and down.
package final class Gauge: MetricHandle {
  package static let kind = MetricDescription.Kind.gauge

  private let current = Atomic<Int>(0)

  package init(_ layout: Void = ()) {}

  package var value: Int { current.load(ordering: .relaxed) }

  package func set(_ value: Int) { current.store(value, ordering: .relaxed) }

  /// Negative amounts take away.
  package func add(_ amount: Int) { current.wrappingAdd(amount, ordering: .relaxed) }

  package static func lines(_ layout: Void) -> [MetricLine] { [MetricLine()] }

  package var numbers: [MetricNumber] { [.integer(value)] }
}
