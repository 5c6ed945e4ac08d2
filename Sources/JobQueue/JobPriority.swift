/// Which list a job waits in. The raw value is the name of the list and the word of the wire format.
///
/// Higher lists are served first, but every eighth claim looks at the lists from the low end, so that a steady
/// stream of urgent jobs never starves the others.
package enum JobPriority: String, CaseIterable, Sendable {
  case high, `default`, low

  /// The order in which the `number`th claim of a consumer looks at the lists.
  package static func order(forClaim number: Int) -> [JobPriority] {
    number % 8 == 7 ? [.low, .default, .high] : [.high, .default, .low]
  }
}
