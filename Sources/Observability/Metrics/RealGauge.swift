import Synchronization

/// A number with a fraction that is set now and then.
package final class RealGauge: MetricHandle {
  package static let kind = MetricDescription.Kind.gauge

  private let bits = Atomic<UInt64>(0)

  package init(_ layout: Void = ()) {}

  package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  /// What is no number changes nothing.
  package func set(_ value: Double) {
    guard value.isFinite else { return }
    bits.store(value.bitPattern, ordering: .relaxed)
  }

  package static func lines(_ layout: Void) -> [MetricLine] { [MetricLine()] }

  package var numbers: [MetricNumber] { [.real(value)] }
}
