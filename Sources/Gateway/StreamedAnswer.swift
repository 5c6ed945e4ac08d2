import Hummingbird
import JobQueue
import JobWire
import Logging

/// The body of a streamed response: the tokens of a job as they come, then its result, and the end.
///
/// The texts of all events of a choice together are its text in the result, whatever happened to the job
/// meanwhile. Each write waits until the client takes it; what comes meanwhile waits in the subscription, whose
/// size is bounded.
final class StreamedAnswer: JobFollower {
  let pingInterval: Duration
  private let id: JobID
  private var writer: any ResponseBodyWriter
  private let logger: Logger
  private var text = StreamedText()

  init(id: JobID, pingInterval: Duration, writer: any ResponseBodyWriter, logger: Logger) {
    self.id = id
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
    for token in text.take(piece) { events.add(event(text: token.text, token: token.token)) }
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
    do {
      switch outcome {
      case .result(let bytes): try add(bytes, to: &events)
      case .deadline: throw APIError.deadlineExceeded(after: timeout)
      case .failed(let error): throw APIError(error)
      case .clientLeft: throw APIError.clientLeft
      }
    } catch let error as APIError where error.status != .clientClosedRequest {
      events.add(.fields([("error", error.errorJSON)]))
      logger.info(
        "a stream ended with an error", metadata: ["job_id": "\(id)", "error": "\(error.code)"])
    }
    events.addDone()
    try await writer.write(events.buffer)
    try await writer.finish(nil)
  }

  private func add(_ bytes: [UInt8], to events: inout ServerSentEvents) throws(APIError) {
    let result = try JobResult.stored(bytes)
    guard result.status == .completed else { throw APIError(result) }
    if let choice = result.choices?.first {
      guard let rest = text.rest(of: choice.text) else { throw APIError.textDiffers }
      if !rest.isEmpty { events.add(event(text: rest, token: nil)) }
    }
    events.add(json: bytes)
  }

  private func event(text: String, token: Int?) -> JSONValue {
    .fields([
      ("id", .string(id.rawValue)),
      ("index", .integer(0)),
      ("text", .string(text)),
      ("token", token.map { .integer(Int64($0)) }),
    ])
  }
}
