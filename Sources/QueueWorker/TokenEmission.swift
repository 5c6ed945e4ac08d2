import JobQueue
import JobWire
import Logging
import Synchronization

/// The tokens of one job on their way to the requester: the first one at once, then in pieces.
///
/// One piece is under way at a time, beside the engine. While the queue is slow the next one grows; if it can't be
/// reached, the tokens are kept for the next piece. Once somebody has come who missed the beginning, the next piece
/// of each choice begins at its beginning; who has that already drops it.
final class TokenEmission: Sendable {
  /// One choice: the next piece begins at `start`, and is sent when there is more than was sent before.
  private struct Text {
    var tokens: [JobPiece.Token] = []
    var sent = 0
    var start = 0
  }

  private struct State {
    var texts: [Text]
    var attachments: Int?
  }

  private let job: StartedJob
  private let queue: any JobConsumer
  private let interruptions: Interruptions
  private let interval: Duration
  private let logger: Logger
  /// Nil when nobody wants them any more.
  private let state: Mutex<State?>
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
    state = Mutex(State(texts: Array(repeating: Text(), count: choices)))
  }

  func add(_ choice: Int, _ token: JobPiece.Token) {
    state.withLock { $0?.texts[choice].tokens.append(token) }
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
    guard let texts = state.withLock({ $0?.texts }) else { return }
    let pieces = texts.enumerated().filter { $1.tokens.count > $1.sent }.map { choice, text in
      JobPiece(choice: choice, first: text.start, tokens: Array(text.tokens[text.start...]))
    }
    var sequence = texts.reduce(0) { $0 + $1.sent }
    let progress = pieces.map { piece in
      sequence += piece.end - texts[piece.choice].sent
      return JobProgress(
        job: job.job, id: job.id, sequence: sequence, body: piece.encode(), replyTo: job.replyTo)
    }
    var delivered: [JobPiece] = []
    var attachments: Int?
    defer { note(delivered, attachments: attachments) }
    do throws(JobQueueError) {
      for (piece, outcome) in zip(pieces, try await queue.emit(progress)) {
        switch outcome {
        case .delivered(let count):
          delivered.append(piece)
          attachments = max(count, attachments ?? count)
        case .fenced: return stop(.fenced(claimNumber: job.job.claimNumber))
        case .cancelled: return stop(.cancelled(job.id))
        }
      }
    } catch {
      logger.debug(
        "a piece can't be sent now", metadata: ["job_id": "\(job.id)", "error": "\(error)"])
    }
  }

  private func note(_ delivered: [JobPiece], attachments: Int?) {
    guard let attachments else { return }
    state.withLock { state in
      guard var known = state else { return }
      for piece in delivered {
        known.texts[piece.choice].sent = piece.end
        known.texts[piece.choice].start = piece.end
      }
      if attachments != known.attachments ?? attachments {
        for choice in known.texts.indices { known.texts[choice].start = 0 }
      }
      known.attachments = attachments
      state = known
    }
  }

  private func stop(_ interruption: JobInterruption) {
    interruptions.note(interruption)
    state.withLock { $0 = nil }
  }
}
