import Synchronization

/// Counts what only grows. A restart of the process begins at 0, which Prometheus allows for.
package final class Counter: MetricHandle {
  package static let kind = MetricDescription.Kind.counter

  private let count = Atomic<Int>(0)

  package init(_ layout: Void = ()) {}

  package var value: Int { count.load(ordering: .relaxed) }

  /// What is not positive changes nothing.
  package func add(_ amount: Int = 1) {
    guard amount > 0 else { return }
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  package static func lines(_ layout: Void) -> [MetricLine] { [MetricLine()] }

  package var numbers: [MetricNumber] { [.integer(value)] }
}
