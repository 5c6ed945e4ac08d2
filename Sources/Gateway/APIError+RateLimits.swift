import Hummingbird
import JobQueue

extension APIError {
  /// A refusal by a limiter.
  static func rateLimitExceeded(
    _ decision: RateDecision, of resource: LimitedResource, cost: Int
  ) -> APIError {
    let seconds = max(1, decision.retryAfter?.secondsRoundedUp ?? 1)
    let needs = cost == 1 ? "" : " and \(decision.remaining) are left of it, while this may need \(cost)"
    return APIError(
      .tooManyRequests, code: "rate_limit_exceeded",
      "the limit is \(decision.limit) \(resource.rawValue) a minute\(needs); try again in \(seconds) s",
      headers: [.retryAfter: "\(seconds)"])
  }

  /// More tokens than the caller may ever have at once: waiting would not help.
  static func exceedsTokenLimit(_ tokens: Int, limit: Int) -> APIError {
    APIError(
      .unprocessableContent, code: "invalid_value",
      "this may generate \(tokens) tokens, and the limit is \(limit) a minute; ask for fewer",
      param: "max_new_tokens")
  }
}
