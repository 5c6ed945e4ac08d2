import JobQueue
import JobWire
import Logging
import Synchronization

/// The tokens of one job on their way to the requester: the first one at once, then in pieces.
///
/// One piece is under way at a time, beside the engine. While the queue is slow the next one grows; if it can't be
/// reached, the tokens are kept for the next piece.
final class TokenEmission: Sendable {
  private let job: StartedJob
  private let queue: any JobConsumer
  private let interruptions: Interruptions
  private let interval: Duration
  private let logger: Logger
  /// What was not sent yet; nil when nobody wants it any more.
  private let unsent: Mutex<JobPiece?> = Mutex(JobPiece(first: 0, tokens: []))
  private let arrivals = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  init(
    of job: StartedJob, queue: any JobConsumer, interruptions: Interruptions, interval: Duration,
    logger: Logger
  ) {
    self.job = job
    self.queue = queue
    self.interruptions = interruptions
    self.interval = interval
    self.logger = logger
  }

  func add(_ token: Int, _ text: String) {
    unsent.withLock { $0?.tokens.append(JobPiece.Token(token: token, text: text)) }
    arrivals.continuation.yield()
  }

  /// Sends pieces until the task is cancelled.
  func run() async {
    for await _ in arrivals.stream {
      await send()
      guard (try? await Task.sleep(for: interval)) != nil else { return }
    }
  }

  /// Sends what there is. Not to be called while `run` runs.
  func send() async {
    guard let piece = unsent.withLock({ $0 }), !piece.tokens.isEmpty else { return }
    do throws(JobQueueError) {
      let outcome = try await queue.emit(
        JobProgress(
          job: job.job, id: job.id, sequence: piece.end, body: piece.encode(), replyTo: job.replyTo))
      switch outcome {
      case .delivered:
        unsent.withLock { left in
          left?.tokens.removeFirst(piece.tokens.count)
          left?.first = piece.end
        }
      case .fenced: stop(.fenced(claimNumber: job.job.claimNumber))
      case .cancelled: stop(.cancelled(job.id))
      }
    } catch {
      logger.debug(
        "a piece can't be sent now", metadata: ["job_id": "\(job.id)", "error": "\(error)"])
    }
  }

  private func stop(_ interruption: JobInterruption) {
    interruptions.note(interruption)
    unsent.withLock { $0 = nil }
  }
}
