package import JobWire

/// Takes the next token of a choice.
package typealias TokenHandler = @Sendable (_ choice: Int, _ token: JobPiece.Token) -> Void

/// Turns one kind of request into its answer.
package protocol JobTask: Sendable {
  /// Answers the request.
  ///
  /// - Parameters:
  ///   - interruption: asked again and again while it runs; once it isn't nil the task stops and throws it.
  ///   - onToken: gets each token as it comes, if somebody wants them; a classification has none. It must return
  ///     at once.
  /// - Throws: `TaskError`.
  func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer

  /// Returns at once, unless requests wait for memory or for a place in the batch: then when none does any more.
  func waitForRoom() async
}

/// Why a task is to stop before it is done.
package enum Interruption: Sendable, Equatable {
  /// The requester no longer wants the answer.
  case cancelled
  /// The worker shuts down; another one will run the job from the beginning.
  case released
  /// Another worker runs the job: this one was silent for so long that it was taken for dead.
  case fenced
}

/// Why a task has no answer.
package enum TaskError: Error, Sendable, Equatable, CustomStringConvertible {
  /// With what was done until then, if that is known.
  case interrupted(Interruption, usage: JobResult.Usage? = nil)
  case failed(JobFailure)

  package var description: String {
    switch self {
    case .interrupted(.cancelled, _): "cancelled"
    case .interrupted(.released, _): "the engine was shut down"
    case .interrupted(.fenced, _): "another worker runs the job"
    case .failed(let failure): failure.message
    }
  }
}

extension JobTask {
  package func waitForRoom() async {}

  package func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption? = { nil }
  ) async throws(TaskError) -> TaskAnswer {
    try await run(request, interruption: interruption, onToken: nil)
  }
}
