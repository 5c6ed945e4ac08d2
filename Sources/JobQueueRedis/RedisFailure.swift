import JobQueue

/// Why there is no answer.
struct RedisFailure: Error, Sendable {
  enum Kind: Sendable {
    /// Nothing was sent.
    case notConnected
    /// Something was sent, and may or may not have been done.
    case connectionLost
    /// The connection was closed on this side, for good.
    case closed
  }

  let kind: Kind
  let message: String

  var jobQueueError: JobQueueError {
    kind == .closed ? .closed : JobQueueError(.unavailable, message, retryAfter: .seconds(1))
  }
}

extension RedisReply {
  /// Errors that pass by themselves: the server starts, fails over, is busy, or can't write to its disk now.
  var isTransientError: Bool {
    switch errorCode {
    case "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS", "MISCONF": true
    default: false
    }
  }

  /// The reply itself, unless it is an error.
  func checked() throws(JobQueueError) -> RedisReply {
    guard let error else { return self }
    switch errorCode {
    case "OOM":
      throw JobQueueError(.storeFull, "Redis has used up its memory (maxmemory)", retryAfter: .seconds(5))
    case _ where isTransientError:
      throw JobQueueError(.unavailable, "Redis is not ready: \(error)", retryAfter: .seconds(1))
    default:
      throw JobQueueError(.protocolError, "Redis refused a command: \(error)")
    }
  }

  /// An answer that the scripts never give.
  static func unexpected(_ reply: RedisReply?, from name: String) -> JobQueueError {
    JobQueueError(.protocolError, "Redis gave an unexpected answer to \(name): \(String(describing: reply))")
  }
}
