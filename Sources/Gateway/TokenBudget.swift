import Hummingbird
import JobQueue
package import Logging

/// The limit of generated tokens a minute, for the routes that generate.
///
/// A request reserves the most that it may generate before its job is submitted, and settles what it did generate
/// when that is known:
/// ```swift
/// let reservation = try await budget.reserve(tokens: job.mostNewTokens, for: context.caller, logger: logger)
/// do {
///   let result = try await answer(to: job)
///   await reservation.settle(used: result.usage.completionTokens)
/// } catch {
///   await reservation.settle(used: 0)
/// }
/// ```
package struct TokenBudget: Sendable {
  private let limits: RateLimits
  private let onRefusal: @Sendable () -> Void

  /// - Parameter onRefusal: is told when a caller's tokens are used up.
  package init(limits: RateLimits, onRefusal: @escaping @Sendable () -> Void = {}) {
    self.limits = limits
    self.onRefusal = onRefusal
  }

  /// - Parameters:
  ///   - tokens: of all completions together.
  ///   - report: tells the headers of the response what is left.
  /// - Throws: 422 if it is more than the caller's limit, 429 if it is more than is left of it.
  package func reserve(
    tokens: Int, for caller: APIKeys.Caller?, report: RateLimitReport? = nil, logger: Logger
  ) async throws(APIError) -> Reservation {
    guard tokens > 0, let bucket = limits.bucket(.tokens, of: caller) else { return .none }
    if tokens > bucket.capacity { throw .exceedsTokenLimit(tokens, limit: bucket.capacity) }
    guard let decision = await limits.take(tokens, from: bucket, logger: logger) else { return .none }
    report?.note(decision, of: .tokens)
    if !decision.isAllowed {
      onRefusal()
      throw .rateLimitExceeded(decision, of: .tokens, cost: tokens)
    }
    return Reservation(tokens) { [limits] difference in
      await limits.charge(difference, to: bucket, logger: logger)
    }
  }
}
