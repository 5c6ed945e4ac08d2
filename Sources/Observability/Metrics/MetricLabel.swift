/// A label of a metric, and what keeps the number of its values small.
package struct MetricLabel: Sendable, Equatable {
  /// What stands for all values that have no series of their own.
  package static let other = "other"

  package let name: String
  /// The only values, beside `other`; nil if any may come, up to the metric's limit of series.
  package let allowed: [String]?

  /// Any value, up to the limit of series.
  package init(_ name: String) {
    self.name = name
    allowed = nil
  }

  package init(_ name: String, oneOf allowed: [String]) {
    self.name = name
    self.allowed = allowed
  }

  package init(_ name: String, oneOf words: (some MetricWord).Type) {
    self.init(name, oneOf: words.allCases.map(\.word))
  }

  /// The value as it may stand in a series. A long one is cut, so that the limit of series limits memory too.
  func bounded(_ value: String) -> String {
    guard let allowed else { return String(value.prefix(128)) }
    return allowed.contains(value) ? value : Self.other
  }
}
