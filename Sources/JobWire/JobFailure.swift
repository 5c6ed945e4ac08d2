/// Why a job has no answer.
package struct JobFailure: Sendable, Equatable {
  /// Codes are words that programs compare; a reader must accept ones that it doesn't know.
  package struct Code: RawRepresentable, Hashable, Sendable {
    package let rawValue: String

    package init(rawValue: String) {
      self.rawValue = rawValue
    }

    package static let malformedJSON = Code(rawValue: WireError.Kind.malformed.rawValue)
    package static let tooLarge = Code(rawValue: WireError.Kind.tooLarge.rawValue)
    package static let invalidValue = Code(rawValue: WireError.Kind.invalid.rawValue)
    package static let unknownField = Code(rawValue: WireError.Kind.unknownField.rawValue)
    package static let notSupported = Code(rawValue: WireError.Kind.unsupported.rawValue)
    /// Prompt and new tokens don't fit the model's context, and the prompt was not to be cut.
    package static let contextLengthExceeded = Code(rawValue: "context_length_exceeded")
    /// Workers died while they ran the job, as often as `MAX_ATTEMPTS` allows.
    package static let workerCrashed = Code(rawValue: "worker_crashed")
    package static let cancelled = Code(rawValue: "cancelled")
    /// No worker began the job within its `ttl_ms`.
    package static let expired = Code(rawValue: "expired")
    /// A bug, or a machine out of memory.
    package static let internalError = Code(rawValue: "internal_error")
  }

  package var code: Code
  package var message: String
  /// The field of the request at fault, if it is one.
  package var param: String?

  package init(code: Code, message: String, param: String? = nil) {
    self.code = code
    self.message = message
    self.param = param
  }

  /// A prompt that is not to be cut and too long.
  ///
  /// - Parameters:
  ///   - context: tokens that the model can look at.
  ///   - prompt: tokens of the prompt.
  ///   - newTokens: those that are to be made.
  package static func contextLengthExceeded(_ context: Int, prompt: Int, newTokens: Int) -> JobFailure {
    let message =
      newTokens == 0
      ? "the prompt has \(prompt) tokens, and the model's context is \(context) tokens; shorten the prompt"
      : "the model's context is \(context) tokens, and \(prompt + newTokens) were asked for: \(prompt) in the "
        + "prompt and \(newTokens) to be made; shorten the prompt or ask for fewer"
    return JobFailure(code: .contextLengthExceeded, message: message, param: "prompt")
  }

  package init(_ error: WireError) {
    self.init(code: Code(rawValue: error.kind.rawValue), message: error.message, param: error.param)
  }
}

extension JobResult {
  /// The result of a job that was refused or broke.
  package static func failed(
    id: String, _ failure: JobFailure, worker: String? = nil, attempts: Int? = nil
  ) -> JobResult {
    JobResult(id: id, status: .failed, worker: worker, attempts: attempts, error: failure)
  }

  /// - Parameter usage: what was done until then; nil if the job was never begun.
  package static func cancelled(id: String, usage: Usage? = nil) -> JobResult {
    JobResult(
      id: id, status: .cancelled, usage: usage,
      error: .init(code: .cancelled, message: "the job was cancelled"))
  }

  package static func expired(id: String) -> JobResult {
    JobResult(
      id: id, status: .expired,
      error: .init(code: .expired, message: "no worker began the job within its ttl_ms", param: "ttl_ms"))
  }

  /// The result of a job that killed every worker that ran it.
  package static func exhausted(id: String, attempts: Int) -> JobResult {
    JobResult(
      id: id, status: .failed, attempts: attempts,
      error: .init(
        code: .workerCrashed, message: "the job was given up: \(attempts) times a worker died while it ran"))
  }
}
