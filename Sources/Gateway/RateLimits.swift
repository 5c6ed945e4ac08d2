package import JobQueue
import Logging

/// How much each caller may use, and who counts it.
package struct RateLimits: Sendable {
  private let limiter: any RateLimiter
  /// Where the key says nothing else.
  private let defaults: CallerLimits

  package init(limiter: any RateLimiter, requestsPerMinute: Int, tokensPerMinute: Int) {
    self.limiter = limiter
    defaults = CallerLimits(requestsPerMinute: requestsPerMinute, tokensPerMinute: tokensPerMinute)
  }

  /// What the caller takes from; nil if there is no limit. Callers without keys share one.
  func bucket(_ resource: LimitedResource, of caller: APIKeys.Caller?) -> RateBucket? {
    let limit = caller?.limits.perMinute(of: resource) ?? defaults.perMinute(of: resource) ?? 0
    guard limit > 0 else { return nil }
    let name = "\(resource.rawValue):\(caller?.name ?? "anonymous")"
    return RateBucket(name: name, capacity: limit, refillPerMinute: limit)
  }

  /// Nil if the limiter can't say, or if there is no limit. Then the request is to go on: if the store is away, the
  /// queue says so itself.
  func take(_ cost: Int, from bucket: RateBucket?, logger: Logger) async -> RateDecision? {
    guard let bucket else { return nil }
    do throws(JobQueueError) {
      return try await limiter.take(cost, from: bucket)
    } catch {
      log(error, logger)
      return nil
    }
  }

  func charge(_ cost: Int, to bucket: RateBucket, logger: Logger) async {
    do throws(JobQueueError) {
      try await limiter.charge(cost, to: bucket)
    } catch {
      log(error, logger)
    }
  }

  /// That the store is away is logged where the connection is.
  private func log(_ error: JobQueueError, _ logger: Logger) {
    let isAway = error.code == .unavailable || error.code == .closed
    logger.log(level: isAway ? .debug : .error, "the rate is not limited: \(error)")
  }
}
