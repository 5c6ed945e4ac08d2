/// What somebody may use of something: at most `capacity` at once, and `refillPerMinute` of it comes back in a minute.
package struct RateBucket: Sendable, Hashable {
  /// What capacities and refills may be; others are taken for the nearest.
  package static let allowed = 1...1_000_000_000

  /// The same name is the same bucket, for all who share a limiter.
  package let name: String
  package let capacity: Int
  package let refillPerMinute: Int

  package init(name: String, capacity: Int, refillPerMinute: Int) {
    self.name = name
    self.capacity = Self.clamped(capacity)
    self.refillPerMinute = Self.clamped(refillPerMinute)
  }

  private static func clamped(_ value: Int) -> Int { min(max(value, allowed.lowerBound), allowed.upperBound) }

  /// A cost as limiters reckon with it: more than any capacity stays more than any capacity.
  package static func bounded(cost: Int) -> Int {
    min(max(cost, -allowed.upperBound), allowed.upperBound + 1)
  }
}
