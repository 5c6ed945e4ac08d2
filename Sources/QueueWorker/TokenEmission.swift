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
  /// What was not sent yet, by choice; nil when nobody wants it any more.
  private let unsent: Mutex<[JobPiece]?>
  private let arrivals = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  /// - Parameter choices: how many texts the job has.
  init(
    of job: StartedJob, choices: Int, queue: any JobConsumer, interruptions: Interruptions,
    interval: Duration,
    logger: Logger
  ) {
    self.job = job
    self.queue = queue
    self.interruptions = interruptions
    self.interval = interval
    self.logger = logger
    unsent = Mutex((0..<choices).map { JobPiece(choice: $0, first: 0, tokens: []) })
  }

  func add(_ choice: Int, _ token: JobPiece.Token) {
    unsent.withLock { $0?[choice].tokens.append(token) }
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
    guard let pieces = unsent.withLock({ $0 }) else { return }
    var sequence = pieces.reduce(0) { $0 + $1.first }
    var progress: [JobProgress] = []
    let sent = pieces.filter { !$0.tokens.isEmpty }
    for piece in sent {
      sequence += piece.tokens.count
      progress.append(
        JobProgress(
          job: job.job, id: job.id, sequence: sequence, body: piece.encode(), replyTo: job.replyTo))
    }
    do throws(JobQueueError) {
      for (piece, outcome) in zip(sent, try await queue.emit(progress)) {
        switch outcome {
        case .delivered:
          unsent.withLock { left in
            left?[piece.choice].tokens.removeFirst(piece.tokens.count)
            left?[piece.choice].first = piece.end
          }
        case .fenced: return stop(.fenced(claimNumber: job.job.claimNumber))
        case .cancelled: return stop(.cancelled(job.id))
        }
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
