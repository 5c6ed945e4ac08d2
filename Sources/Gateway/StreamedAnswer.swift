import Hummingbird
import JobQueue
import JobWire
import Logging
import Observability

/// The body of a streamed response: the tokens of a job as they come, then its result, and the end.
///
/// The texts of all events of a choice together are its text in the result, whatever happened to the job
/// meanwhile. Each write waits until the client takes it; what comes meanwhile waits in the subscription, whose
/// size is bounded.
final class StreamedAnswer: JobFollower {
  let pingInterval: Duration?
  private let id: JobID
  private let format: any StreamFormat
  private var writer: any ResponseBodyWriter
  private let logger: Logger
  private var timer: TokenTimer
  /// By choice.
  private var texts: [Int: StreamedText] = [:]

  init(
    id: JobID, format: any StreamFormat, pingInterval: Duration, timer: TokenTimer,
    writer: any ResponseBodyWriter,
    logger: Logger
  ) {
    self.id = id
    self.format = format
    self.timer = timer
    self.pingInterval = pingInterval
    self.writer = writer
    self.logger = logger
  }

  func take(_ body: [UInt8]) async throws {
    let piece: JobPiece
    do throws(WireError) {
      piece = try JobPiece.decode(body)
    } catch {
      logger.warning("a piece of a job can't be read: \(error)", metadata: ["job_id": "\(id)"])
      return
    }
    var events = ServerSentEvents()
    let tokens = texts[piece.choice, default: StreamedText()].take(piece)
    for token in tokens { events.add(format.event(of: token, choice: piece.choice)) }
    timer.received(tokens.count)
    if events.buffer.readableBytes > 0 { try await writer.write(events.buffer) }
  }

  func ping() async throws {
    var events = ServerSentEvents()
    events.addPing()
    try await writer.write(events.buffer)
  }

  /// Writes how it ended, and ends the body.
  func finish(_ outcome: JobWaiter.Outcome, timeout: Duration) async throws {
    var events = ServerSentEvents()
    switch rest(of: outcome, timeout: timeout) {
    case .success(let lines): for line in lines { events.add(json: line) }
    case .failure(let error):
      if error.status == .clientClosedRequest { throw error }
      events.add(.fields([("error", error.errorJSON)]))
      logger.info(
        "a stream ended with an error", metadata: ["job_id": "\(id)", "error": "\(error.code)"])
    }
    events.addDone()
    try await writer.write(events.buffer)
    try await writer.finish(nil)
  }

  private func rest(of outcome: JobWaiter.Outcome, timeout: Duration) -> Result<[[UInt8]], APIError> {
    do throws(APIError) {
      let (bytes, result) = try outcome.completed(within: timeout)
      return .success(try format.rest(of: result, bytes, after: texts))
    } catch {
      return .failure(error)
    }
  }
}
