import JobQueue
import JobWire
import Synchronization

/// A queue that notes what its worker tells it, and answers progress as a test says.
final class RecordingQueue: ForwardingConsumer {
  enum Call: Sendable, Equatable {
    case emit(JobPiece)
    case post(JobResult.Status)
    case release
  }

  typealias Verdict = @Sendable (_ number: Int) throws(JobQueueError) -> EmitOutcome

  let base = InMemoryJobQueue(identify: identify)
  private let verdict: Verdict
  private let recorded = Mutex<[Call]>([])

  /// - Parameter verdict: the outcome of each emission, which are numbered from 0.
  init(verdict: @escaping Verdict = { _ in .delivered() }) { self.verdict = verdict }

  var calls: [Call] { recorded.withLock { $0 } }
  var pieces: [JobPiece] {
    calls.compactMap { if case .emit(let piece) = $0 { piece } else { nil } }
  }

  func waitForPieces(_ count: Int) async {
    while pieces.count < count { await Task.yield() }
  }

  func emit(_ progress: [JobProgress]) async throws(JobQueueError) -> [EmitOutcome] {
    var outcomes: [EmitOutcome] = []
    for piece in progress {
      guard let content = try? JobPiece.decode(piece.body), content.end == piece.sequence else {
        throw JobQueueError(.protocolError, "no piece")
      }
      let number = recorded.withLock { calls in
        calls.append(.emit(content))
        return calls.count - 1
      }
      outcomes.append(try verdict(number))
    }
    return outcomes
  }

  func post(
    _ job: ClaimedJob, id: JobID, result: [UInt8], failed: Bool, replyTo: ReplyAddress?
  ) async throws(JobQueueError) -> PostOutcome {
    let status = (try? JobResult.decode(result))?.status ?? .failed
    recorded.withLock { $0.append(.post(status)) }
    return try await base.post(job, id: id, result: result, failed: failed, replyTo: replyTo)
  }

  func release(_ job: ClaimedJob) async throws(JobQueueError) {
    recorded.withLock { $0.append(.release) }
    try await base.release(job)
  }
}
