import Hummingbird
import JobQueue
import JobWire
import Logging
import NIOCore
import NIOHTTP1
import Observability

/// Makes a job of a request, hands it to the queue, and answers with what becomes of it: what the routes of jobs,
/// of either vocabulary, have in common.
struct JobDispatcher: Sendable {
  /// A request that has its id.
  struct Order: Sendable {
    let job: JobRequest
    let id: JobID
    /// Whether the client means to come back for the result.
    var keepsJob: Bool
    let traceparent: String
  }

  let limits: RequestLimits
  let waiter: JobWaiter
  let pingInterval: Duration
  let budget: TokenBudget
  let recent: RecentJobs
  let metrics: GatewayMetrics

  /// Names the job: by the header `Idempotency-Key`, by the body, or by the gateway.
  func order(_ job: JobRequest, _ request: Request, _ context: GatewayContext) throws(APIError) -> Order {
    let key = request.headers[.idempotencyKey]
    let id = try JobNaming.jobID(header: key, body: job.id, caller: context.caller)
    var job = job
    job.id = id.rawValue
    return Order(
      job: job, id: id, keepsJob: key != nil,
      traceparent: job.traceparent ?? context.trace.child().traceparent)
  }

  /// Submits the job and waits for its result.
  ///
  /// - Returns: the result as it is stored, and what it says. It is a completed one.
  func result(
    of order: Order, _ context: GatewayContext
  ) async throws(APIError) -> (bytes: [UInt8], result: JobResult) {
    do {
      let begin = ContinuousClock.now
      let accepted = try await accept(order, context)
      let outcome = await waiter.outcome(
        of: accepted.job, connection: await context.connection(), logger: context.logger)
      await end(of: accepted, order, outcome, took: .now - begin, context.logger)
      return try outcome.completed(within: waiter.timeout)
    } catch {
      throw named(error, order.id, context)
    }
  }

  /// Submits the job and answers with its tokens as they come.
  func stream(
    of order: Order, as format: some StreamFormat, _ context: GatewayContext
  ) async throws(APIError) -> Response {
    do {
      let begin = ContinuousClock.now
      let accepted = try await accept(order, context)
      // What is known to have failed needs no stream to say so.
      if case .finished(let bytes) = accepted.job.outcome {
        let result = try JobResult.stored(bytes)
        if result.status != .completed {
          await accepted.job.settle(clientLeft: false)
          throw APIError(result)
        }
      }
      let connection = await context.connection()
      let logger = context.logger
      return .events(id: order.id) { writer in
        let answer = StreamedAnswer(
          id: order.id, format: format, pingInterval: pingInterval,
          timer: metrics.tokenTimer(start: begin), writer: writer, logger: logger)
        let outcome = await waiter.outcome(
          of: accepted.job, connection: connection, follower: answer, logger: logger)
        await end(of: accepted, order, outcome, took: .now - begin, logger)
        if outcome == .clientLeft { metrics.clientsLeft.add() }
        try await answer.finish(outcome, timeout: waiter.timeout)
      }
    } catch {
      throw named(error, order.id, context)
    }
  }

  /// Submits the job, after its tokens were taken from what the caller may use.
  func accept(_ order: Order, _ context: GatewayContext) async throws(APIError) -> ChargedJob {
    let reservation = try await budget.reserve(
      tokens: order.job.mostNewTokens, for: context.caller, report: context.rateLimits, logger: context.logger
    )
    do throws(JobQueueError) {
      let job = try await waiter.accept(
        submission(of: order), timeToLive: order.job.ttlMilliseconds.map { .milliseconds($0) },
        cancelsWhenClientLeaves: !order.keepsJob, logger: context.logger)
      // What others asked for first is theirs to pay.
      if case .queued = job.outcome {} else { await reservation.settle(used: 0) }
      return ChargedJob(job: job, reservation: reservation, isKept: order.keepsJob)
    } catch {
      await reservation.settle(used: 0)
      throw APIError(error)
    }
  }

  /// Takes note of how a job ended for its client.
  func end(
    of job: ChargedJob, _ order: Order, _ outcome: JobWaiter.Outcome, took: Duration, _ logger: Logger
  ) async {
    let result: JobResult? =
      if case .result(let bytes) = outcome { try? JobResult.decode(bytes) } else { nil }
    if let usage = result?.usage {
      metrics.tokens[.prompt].add(usage.promptTokens)
      metrics.tokens[.completion].add(usage.completionTokens)
    }
    recent.note(order, outcome, result, took: took)
    await job.settle(outcome, result, ending: waiter.forEnding(within: .seconds(10)), logger: logger)
  }

  /// The error as the client of this job gets it.
  func named(_ error: any Error, _ id: JobID, _ context: GatewayContext) -> APIError {
    var error = APIError(cause: error, logger: context.logger)
    error.jobID = id.rawValue
    error.headers[.jobID] = id.rawValue
    return error
  }

  private func submission(of order: Order) -> JobSubmission {
    var job = order.job
    // How the answer is carried makes no other job of it.
    job.stream = false
    job.traceparent = nil
    let fingerprint = JobNaming.fingerprint(job.encode())
    job.traceparent = order.traceparent
    job.stream = order.job.stream
    job.replyTo = waiter.queue.replyAddress?.rawValue
    let priority: JobPriority =
      switch job.priority {
      case .high: .high
      case .default: .default
      case .low: .low
      }
    return JobSubmission(id: order.id, payload: job.encode(), priority: priority, fingerprint: fingerprint)
  }

  /// The bytes of a request's body.
  ///
  /// The content type isn't looked at: the `curl` lines that are in people's scripts often send none.
  func body(of request: Request) async throws -> [UInt8] {
    if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
      throw APIError.unsupportedEncoding
    }
    let tooLarge = APIError.bodyTooLarge(limit: limits.maxBodyBytes)
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limits.maxBodyBytes {
      throw tooLarge
    }
    do {
      let buffer = try await request.body.collect(upTo: limits.maxBodyBytes)
      return Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw tooLarge
    } catch let problem as HTTPParserError {
      throw APIError.malformedHTTP(problem)
    } catch {
      // It came too slowly, or not to its end.
      throw APIError.clientLeft
    }
  }
}

extension Response {
  /// A response of server-sent events.
  static func events(
    id: JobID, _ write: @escaping @Sendable (any ResponseBodyWriter) async throws -> Void
  ) -> Response {
    Response(
      status: .ok,
      headers: [
        .contentType: "text/event-stream", .cacheControl: "no-cache", .jobID: id.rawValue,
        // Proxies that gather what they pass on would take the point of a stream.
        .accelBuffering: "no",
      ],
      body: ResponseBody { writer in try await write(writer) })
  }
}
