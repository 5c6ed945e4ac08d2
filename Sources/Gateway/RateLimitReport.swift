import HTTPTypes
import JobQueue
import Synchronization

/// What became known of the caller's limits during a request, for the headers of its response.
package final class RateLimitReport: Sendable {
  private let decisions = Mutex<[LimitedResource: RateDecision]>([:])

  /// The last one of a resource is told.
  func note(_ decision: RateDecision?, of resource: LimitedResource) {
    guard let decision else { return }
    decisions.withLock { $0[resource] = decision }
  }

  /// Sets the headers of each resource that is limited.
  func set(in headers: inout HTTPFields) {
    for (resource, decision) in decisions.withLock({ $0 }) {
      headers[resource.limitHeader] = "\(decision.limit)"
      headers[resource.remainingHeader] = "\(decision.remaining)"
      headers[resource.resetHeader] = "\(decision.resetsAfter.secondsRoundedUp)"
    }
  }
}

extension Duration {
  /// For headers: never too few.
  var secondsRoundedUp: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
