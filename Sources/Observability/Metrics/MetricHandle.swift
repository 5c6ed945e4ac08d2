/// What is kept by the code that counts. Changing it is an atomic addition or store: it allocates nothing, looks
/// nothing up and waits for nobody.
package protocol MetricHandle: AnyObject, Sendable {
  /// What all series of the metric have in common.
  associatedtype Layout: Sendable

  static var kind: MetricDescription.Kind { get }

  init(_ layout: Layout)

  /// How the lines of one series differ in their beginnings.
  static func lines(_ layout: Layout) -> [MetricLine]

  /// The values of these lines now, in their order.
  var numbers: [MetricNumber] { get }
}

/// What the beginning of a line has beside the metric's name and the series's labels.
package struct MetricLine: Sendable, Equatable {
  /// Behind the name.
  package var suffix = ""
  /// The highest value of a histogram's bucket.
  package var upperBound: String?
}

/// A value as it is written.
package enum MetricNumber: Sendable, Equatable {
  case integer(Int)
  case real(Double)
}
