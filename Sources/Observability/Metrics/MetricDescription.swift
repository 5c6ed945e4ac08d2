/// What is known of a metric before it has a value.
package struct MetricDescription: Sendable, Equatable {
  /// How Prometheus treats it.
  package enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  package let name: String
  package let kind: Kind
  package let help: String
  package let labels: [MetricLabel]
  /// How many series there may be before new values of the labels without a list become `other`.
  package let maxSeries: Int
}

extension MetricDescription {
  /// The values in the order of the labels, each within its bounds; what is missing is `other`.
  func bounded(_ values: [String]) -> [String] {
    assert(values.count == labels.count, "\(name) has the labels \(labels.map(\.name)), not \(values)")
    return labels.indices.map { index in
      index < values.count ? labels[index].bounded(values[index]) : MetricLabel.other
    }
  }

  /// The same series without what may be any value.
  func overflow(_ values: [String]) -> [String] {
    zip(labels, values).map { label, value in label.allowed == nil ? MetricLabel.other : value }
  }

  /// All values, if every label has a list of them.
  var combinations: [[String]]? {
    var all: [[String]] = [[]]
    for label in labels {
      guard let allowed = label.allowed else { return nil }
      all = all.flatMap { values in allowed.map { values + [$0] } }
    }
    return all
  }
}
