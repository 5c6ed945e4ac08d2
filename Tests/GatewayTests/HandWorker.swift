import JobQueue
import JobWire

/// A worker of one job that does what a test says, when it says so.
struct HandWorker: Sendable {
  let memory: InMemoryJobQueue
  let job: ClaimedJob
  let id: JobID
  let request: JobRequest

  struct NothingToDo: Error {}

  /// Waits for a job and starts it.
  static func take(from memory: InMemoryJobQueue) async throws -> HandWorker {
    guard let job = try await memory.claim(upTo: 1, waiting: .seconds(60)).first, let id = job.envelope?.id,
      case .run = try await memory.start(job, id: id, timeToLive: nil)
    else { throw NothingToDo() }
    let request = try JobRequest.decode(job.payload, mode: .queue)
    return HandWorker(memory: memory, job: job, id: id, request: request)
  }

  /// The tokens from this number on; the id of each is 100 more than its number.
  @discardableResult
  func emit(_ first: Int, _ texts: [String]) async throws -> EmitOutcome {
    let tokens = texts.enumerated().map { JobPiece.Token(token: 100 + first + $0, text: $1) }
    let piece = JobPiece(first: first, tokens: tokens)
    return try await memory.emit(
      JobProgress(job: job, id: id, sequence: piece.end, body: piece.encode(), replyTo: nil))
  }

  func post(_ text: String) async throws {
    try await post(
      JobResult(
        id: id.rawValue, status: .completed, model: "gpt2", completion: text,
        choices: [.init(text: text, finishReason: .length, tokens: [])]))
  }

  func post(_ result: JobResult) async throws {
    try await memory.post(job, id: id, result: result.encode(), replyTo: nil)
  }
}
