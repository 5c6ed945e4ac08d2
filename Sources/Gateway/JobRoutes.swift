import Hummingbird
import JobQueue
import JobWire

/// Jobs that nobody waits for: `POST /jobs` submits one, `GET /jobs/{id}` asks for it, `DELETE` cancels it, and
/// `GET /jobs/{id}/events` tells its tokens from the first on, or from where a reader left off.
struct JobRoutes: Sendable {
  let dispatcher: JobDispatcher
  let trails: JobTrails
  let drain: Drain

  private var queue: JobWaiter.Queue { dispatcher.waiter.queue }

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/jobs", [.post: { try await submit($0, $1) }])
    router.endpoint(
      "/jobs/:id", [.get: { try await state($0, $1) }, .delete: { try await cancel($0, $1) }])
    router.endpoint("/jobs/:id/events", [.get: { try await events($0, $1) }])
  }

  private func submit(_ request: Request, _ context: GatewayContext) async throws -> Response {
    var job = try JobRequest.decode(
      try await dispatcher.body(of: request), mode: .http, limits: dispatcher.limits)
    // Its events may be asked for at any time.
    job.stream = true
    var order = try dispatcher.order(job, request, context)
    order.keepsJob = true
    do {
      let accepted = try await dispatcher.accept(order, context)
      let state: JobState =
        switch accepted.job.outcome {
        case .queued: .queued
        case .attached: try await queue.state(of: order.id)
        case .finished(let result): .finished(result: result)
        }
      if case .finished(let result) = state {
        await accepted.job.settle(clientLeft: false)
        let result = try JobResult.stored(result)
        if result.status == .cancelled { throw APIError(result) }
      } else {
        trails.add(accepted, order)
      }
      var json = statusJSON(order.id, state)
      if case .queued(let position) = accepted.job.outcome {
        json.append(("position", .integer(Int64(position))))
      }
      return Response(
        status: .accepted, headers: [.location: "/jobs/\(order.id)", .jobID: order.id.rawValue],
        json: JSONValue.fields(json).encoded)
    } catch {
      throw dispatcher.named(error, order.id, context)
    }
  }

  private func state(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let id = try id(context)
    switch try await queue.state(of: id) {
    case .unknown: throw APIError.noSuchJob(id)
    case .finished(let result):
      try refuseCancelled(id, result)
      return Response(status: .ok, headers: [.jobID: id.rawValue], json: result)
    case let state:
      return Response(
        status: .ok, headers: [.jobID: id.rawValue], json: JSONValue.fields(statusJSON(id, state)).encoded)
    }
  }

  private func cancel(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let id = try id(context)
    let result: [UInt8]?
    switch try await queue.cancel(id, result: JobResult.cancelled(id: id.rawValue).encode()) {
    case .removed: result = nil
    case .unknown: throw APIError.noSuchJob(id)
    case .alreadyFinished: result = try await queue.result(of: id)
    case .requested, .wantedElsewhere:
      // Its worker hears of it within a beat, and stops at the next step.
      guard
        case .result(let last) = await dispatcher.waiter.forEnding(within: .seconds(3)).outcome(
          of: id, logger: context.logger)
      else {
        return cancelled(id, .accepted, "cancelling")
      }
      result = last
    }
    if let result, try JobResult.stored(result).status != .cancelled {
      var error = APIError(
        .conflict, code: "job_finished", "the job has its result already: GET /jobs/\(id) returns it")
      error.jobID = id.rawValue
      throw error
    }
    return cancelled(id, .ok, "cancelled")
  }

  private func cancelled(_ id: JobID, _ status: HTTPResponse.Status, _ word: String) -> Response {
    Response(
      status: status, headers: [.jobID: id.rawValue],
      json: JSONValue.fields([("id", .string(id.rawValue)), ("status", .string(word))]).encoded)
  }

  private func events(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let id = try id(context)
    switch try await queue.state(of: id) {
    case .unknown: throw APIError.noSuchJob(id)
    case .finished(let result): try refuseCancelled(id, result)
    case .queued, .running: break
    }
    let start = try start(of: request)
    let trail = trails.trail(of: id)
    let connection = await context.connection()
    let (pingInterval, drain) = (dispatcher.pingInterval, drain)
    return .events(id: id) { writer in
      try await TrailReader(trail: trail, after: start, pingInterval: pingInterval, drain: drain)
        .write(to: writer, while: connection)
    }
  }

  /// A job that was cancelled is not there any more.
  private func refuseCancelled(_ id: JobID, _ result: [UInt8]) throws(APIError) {
    guard try JobResult.stored(result).status == .cancelled else { return }
    var error = APIError(.notFound, code: "job_cancelled", "the job \(id) was cancelled")
    error.jobID = id.rawValue
    throw error
  }

  private func start(of request: Request) throws(APIError) -> Int {
    guard let header = request.headers[.lastEventID], !header.isEmpty else { return 0 }
    guard let number = Int(header), number >= 0 else {
      throw APIError(
        .badRequest, code: "invalid_value", "Last-Event-ID must be the id of an event of this job, a number",
        param: "Last-Event-ID")
    }
    return number
  }

  private func id(_ context: GatewayContext) throws(APIError) -> JobID {
    try JobNaming.jobID(header: nil, body: context.parameters.get("id") ?? "", caller: context.caller)
  }

  private func statusJSON(_ id: JobID, _ state: JobState) -> [(String, JSONValue?)] {
    var fields: [(String, JSONValue?)] = [("id", .string(id.rawValue))]
    switch state {
    case .unknown, .queued: fields.append(("status", .string("queued")))
    case .running(let attempt):
      fields += [("status", .string("running")), ("attempt", .integer(Int64(attempt)))]
    case .finished(let result):
      let status = (try? JobResult.decode(result))?.status.rawValue
      fields.append(("status", .string(status ?? JobResult.Status.completed.rawValue)))
    }
    return fields
  }
}

extension APIError {
  static func noSuchJob(_ id: JobID) -> APIError {
    APIError(
      .notFound, code: "job_not_found",
      "there is no job \(id), or its result is no longer kept (RESULT_TTL_SECONDS)")
  }
}
