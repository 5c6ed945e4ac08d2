/// What the line of a key says of its limits. 0 is no limit; `nil`, the limit that holds for all.
package struct CallerLimits: Sendable, Equatable {
  package static let allowed = 0...1_000_000_000

  package var requestsPerMinute: Int?
  package var tokensPerMinute: Int?

  package init(requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil) {
    self.requestsPerMinute = requestsPerMinute
    self.tokensPerMinute = tokensPerMinute
  }

  func perMinute(of resource: LimitedResource) -> Int? {
    switch resource {
    case .requests: requestsPerMinute
    case .tokens: tokensPerMinute
    }
  }
}
