/// Which list a job waits in. The raw value is the name of the list and the word of the wire format.
///
/// Higher lists are served first, but of sixteen claims one begins with the default list and one with the low one, so
/// that however many jobs wait in the others, none is starved.
package enum JobPriority: String, CaseIterable, Sendable {
  case high, `default`, low

  /// The order in which the `number`th claim of a consumer looks at the lists.
  package static func order(forClaim number: Int) -> [JobPriority] {
    switch number % 16 {
    case 7: [.low, .default, .high]
    case 15: [.default, .low, .high]
    default: [.high, .default, .low]
    }
  }
}
