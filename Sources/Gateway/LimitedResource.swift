import HTTPTypes

/// What callers use, and what may be limited a minute.
enum LimitedResource: String, Sendable, CaseIterable {
  case requests
  /// Those that are generated.
  case tokens

  /// The most that can be used at once, and comes back in a minute.
  var limitHeader: HTTPField.Name {
    switch self {
    case .requests: .rateLimitLimitRequests
    case .tokens: .rateLimitLimitTokens
    }
  }

  /// What is left.
  var remainingHeader: HTTPField.Name {
    switch self {
    case .requests: .rateLimitRemainingRequests
    case .tokens: .rateLimitRemainingTokens
    }
  }

  /// In how many seconds all of it is there again.
  var resetHeader: HTTPField.Name {
    switch self {
    case .requests: .rateLimitResetRequests
    case .tokens: .rateLimitResetTokens
    }
  }
}
