import Hummingbird
import JobQueue
import JobWire
import NIOCore

/// `POST /generate`: a job is made of the body, and the response is its result.
///
/// The content type isn't looked at: the `curl` lines that are in people's scripts often send none.
struct GenerateRoutes: Sendable {
  let limits: RequestLimits
  let waiter: JobWaiter

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/generate", [.post: generate])
  }

  @Sendable
  private func generate(_ request: Request, context: GatewayContext) async throws -> Response {
    var job = try JobRequest.decode(try await body(of: request), mode: .http, limits: limits)
    let key = request.headers[.idempotencyKey]
    let id = try JobNaming.jobID(header: key, body: job.id, caller: context.caller)
    job.id = id.rawValue
    do {
      return try await answer(to: job, id: id, isRetried: key != nil, request: request, context: context)
    } catch {
      var error = APIError(cause: error, logger: context.logger)
      error.jobID = id.rawValue
      error.headers[.jobID] = id.rawValue
      throw error
    }
  }

  private func answer(
    to job: JobRequest, id: JobID, isRetried: Bool, request: Request, context: GatewayContext
  ) async throws -> Response {
    let outcome = try await waiter.result(
      of: submission(of: job, id: id, traceparent: request.headers[.traceparent]),
      timeToLive: job.ttlMilliseconds.map { .milliseconds($0) }, connection: await context.connection(),
      // Who sends an Idempotency-Key means to come back for the result.
      cancelsWhenClientLeaves: !isRetried, logger: context.logger)
    switch outcome {
    case .result(let bytes):
      let result = try storedResult(bytes)
      guard result.status == .completed else { throw APIError(result) }
      return Response(status: .ok, headers: [.jobID: id.rawValue], json: bytes)
    case .deadline: throw APIError.deadlineExceeded(after: waiter.timeout)
    case .clientLeft: throw APIError.clientLeft
    case .failed(let error): throw error
    }
  }

  private func submission(of job: JobRequest, id: JobID, traceparent: String?) -> JobSubmission {
    var job = job
    let bodyTrace = job.traceparent
    job.traceparent = nil
    let fingerprint = JobNaming.fingerprint(job.encode())
    job.traceparent = bodyTrace ?? traceparent.flatMap { JobRequest.isValidTraceparent($0) ? $0 : nil }
    job.replyTo = waiter.queue.replyAddress?.rawValue
    let priority: JobPriority =
      switch job.priority {
      case .high: .high
      case .default: .default
      case .low: .low
      }
    return JobSubmission(id: id, payload: job.encode(), priority: priority, fingerprint: fingerprint)
  }

  private func storedResult(_ bytes: [UInt8]) throws -> JobResult {
    do {
      return try JobResult.decode(bytes)
    } catch {
      throw APIError(
        .internalServerError, code: JobFailure.Code.internalError.rawValue,
        "what is stored as the result is none: \(error)")
    }
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
