import HTTPTypes

extension HTTPField.Name {
  // The initializer checks that a name is a token of HTTP, as these are; the second name is never used.
  static let accelBuffering = Self("x-accel-buffering") ?? .contentType
  static let apiKey = Self("x-api-key") ?? .authorization
  static let contentTypeOptions = Self("x-content-type-options") ?? .contentType
  static let idempotencyKey = Self("idempotency-key") ?? .from
  /// The job of a response.
  static let jobID = Self("x-job-id") ?? .from
  static let lastEventID = Self("last-event-id") ?? .from
  static let referrerPolicy = Self("referrer-policy") ?? .from
  static let rateLimitLimitRequests = Self("x-ratelimit-limit-requests") ?? .from
  static let rateLimitLimitTokens = Self("x-ratelimit-limit-tokens") ?? .from
  static let rateLimitRemainingRequests = Self("x-ratelimit-remaining-requests") ?? .from
  static let rateLimitRemainingTokens = Self("x-ratelimit-remaining-tokens") ?? .from
  static let rateLimitResetRequests = Self("x-ratelimit-reset-requests") ?? .from
  static let rateLimitResetTokens = Self("x-ratelimit-reset-tokens") ?? .from
  static let requestID = Self("x-request-id") ?? .from
  static let traceparent = Self("traceparent") ?? .from
}
