import Hummingbird
import JobQueue
import JobWire
import Logging
import NIOCore

/// `POST /generate`: a job is made of the body, and the response is its result, or, with `stream`, its tokens as they
/// come. `POST /generate_stream` is the same with `stream` set.
///
/// The content type isn't looked at: the `curl` lines that are in people's scripts often send none.
struct GenerateRoutes: Sendable {
  let limits: RequestLimits
  let waiter: JobWaiter
  let pingInterval: Duration

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/generate", [.post: { try await generate($0, context: $1, streams: false) }])
    router.endpoint("/generate_stream", [.post: { try await generate($0, context: $1, streams: true) }])
  }

  private func generate(
    _ request: Request, context: GatewayContext, streams: Bool
  ) async throws -> Response {
    var job = try JobRequest.decode(try await body(of: request), mode: .http, limits: limits)
    let key = request.headers[.idempotencyKey]
    let id = try JobNaming.jobID(header: key, body: job.id, caller: context.caller)
    job.id = id.rawValue
    if streams { job.stream = true }
    do {
      let accepted = try await waiter.accept(
        submission(of: job, id: id, traceparent: request.headers[.traceparent]),
        timeToLive: job.ttlMilliseconds.map { .milliseconds($0) },
        // Who sends an Idempotency-Key means to come back for the result.
        cancelsWhenClientLeaves: key == nil, logger: context.logger)
      let connection = await context.connection()
      if job.stream {
        return try await stream(of: accepted, id: id, connection: connection, logger: context.logger)
      }
      return try await answer(to: accepted, id: id, connection: connection, logger: context.logger)
    } catch {
      var error = APIError(cause: error, logger: context.logger)
      error.jobID = id.rawValue
      error.headers[.jobID] = id.rawValue
      throw error
    }
  }

  private func answer(
    to job: AcceptedJob, id: JobID, connection: ClientConnection, logger: Logger
  ) async throws -> Response {
    switch await waiter.outcome(of: job, connection: connection, logger: logger) {
    case .result(let bytes):
      let result = try JobResult.stored(bytes)
      guard result.status == .completed else { throw APIError(result) }
      return Response(status: .ok, headers: [.jobID: id.rawValue], json: bytes)
    case .deadline: throw APIError.deadlineExceeded(after: waiter.timeout)
    case .clientLeft: throw APIError.clientLeft
    case .failed(let error): throw error
    }
  }

  private func stream(
    of job: AcceptedJob, id: JobID, connection: ClientConnection, logger: Logger
  ) async throws -> Response {
    // What is known to have failed needs no stream to say so.
    if case .finished(let bytes) = job.outcome {
      let result = try JobResult.stored(bytes)
      if result.status != .completed {
        await job.settle(clientLeft: false)
        throw APIError(result)
      }
    }
    let headers: HTTPFields = [
      .contentType: "text/event-stream", .cacheControl: "no-cache", .jobID: id.rawValue,
    ]
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { [waiter, pingInterval] writer in
        let answer = StreamedAnswer(id: id, pingInterval: pingInterval, writer: writer, logger: logger)
        let outcome = await waiter.outcome(of: job, connection: connection, follower: answer, logger: logger)
        try await answer.finish(outcome, timeout: waiter.timeout)
      })
  }

  private func submission(of job: JobRequest, id: JobID, traceparent: String?) -> JobSubmission {
    var job = job
    let bodyTrace = job.traceparent
    let streams = job.stream
    // How the answer is carried makes no other job of it.
    job.stream = false
    job.traceparent = nil
    let fingerprint = JobNaming.fingerprint(job.encode())
    job.traceparent = bodyTrace ?? traceparent.flatMap { JobRequest.isValidTraceparent($0) ? $0 : nil }
    job.stream = streams
    job.replyTo = waiter.queue.replyAddress?.rawValue
    let priority: JobPriority =
      switch job.priority {
      case .high: .high
      case .default: .default
      case .low: .low
      }
    return JobSubmission(id: id, payload: job.encode(), priority: priority, fingerprint: fingerprint)
  }

  private func body(of request: Request) async throws -> [UInt8] {
    let tooLarge = APIError.bodyTooLarge(limit: limits.maxBodyBytes)
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.maxBodyBytes {
      throw tooLarge
    }
    do {
      let buffer = try await request.body.collect(upTo: limits.maxBodyBytes)
      return Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw tooLarge
    }
  }
}
