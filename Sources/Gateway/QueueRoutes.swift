import Hummingbird
import JobQueue
import JobWire
import Logging

/// `GET /queue`: what waits, runs and died, who works, and what this gateway answered lately. `GET /queue/dead` lists
/// the jobs that were given up, and `POST /queue/dead/retry` puts them back.
struct QueueRoutes: Sendable {
  private static let listedJobs = 20
  private static let listedDead = 100

  let queue: JobWaiter.Queue
  let recent: RecentJobs

  func add(to router: Router<GatewayContext>) {
    router.endpoint("/queue", [.get: { try await status($0, $1) }])
    router.endpoint("/queue/dead", [.get: { try await dead($0, $1) }])
    router.endpoint("/queue/dead/retry", [.post: { try await retry($0, $1) }])
  }

  private func status(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let status = try await queue.status()
    let scope = context.caller?.scope
    let jobs = recent.entries(scope: scope, limit: Self.listedJobs)
    let json = JSONValue.fields([
      (
        "depth",
        .fields(
          JobPriority.allCases.map { ($0.rawValue, .integer(Int64(status.depth[$0] ?? 0))) })
      ),
      ("waiting", .integer(Int64(status.depth.values.reduce(0, +)))),
      ("running", .integer(Int64(status.running))),
      ("dead", .integer(Int64(status.dead))),
      ("paused", .bool(status.paused)),
      ("oldest_wait_ms", status.oldestWait.map(Self.milliseconds)),
      ("workers", .array(status.workers.map { Self.json($0, scope: scope) })),
      (
        "counts",
        .fields(status.counts.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) })
      ),
      (
        "recent",
        .fields([
          ("interval_seconds", .integer(Int64(RecentJobs.secondsPerInterval))),
          ("points", .array(recent.intervals().map(Self.json))),
        ])
      ),
      ("jobs", .array(jobs.map(Self.json))),
    ])
    return Response(status: .ok, headers: [.cacheControl: "no-store"], json: json.encoded)
  }

  private func dead(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let dead = try await queue.deadJobs(limit: Self.listedDead)
    let json = JSONValue.fields([
      (
        "dead",
        .array(
          dead.map { job in
            .fields([
              ("id", job.id.map { .string($0.rawValue) } ?? .null),
              ("reason", .string(job.reason)),
              ("priority", .string(job.priority.rawValue)),
            ])
          })
      )
    ])
    return Response(status: .ok, headers: [.cacheControl: "no-store"], json: json.encoded)
  }

  private func retry(_ request: Request, _ context: GatewayContext) async throws -> Response {
    let count = try await queue.retryDeadJobs()
    context.logger.notice("the dead jobs were put back", metadata: ["count": "\(count)"])
    return Response(status: .ok, json: JSONValue.fields([("retried", .integer(Int64(count)))]).encoded)
  }

  // MARK: JSON

  /// What a worker says of itself under these names stands apart.
  private static func json(_ worker: WorkerStatus, scope: String?) -> JSONValue {
    var info = worker.info
    let jobs = (info.removeValue(forKey: WorkerInfo.jobs) ?? "").split(separator: ",").map(String.init)
    let speed = info.removeValue(forKey: WorkerInfo.tokensPerSecond).flatMap(Double.init)
    return .fields([
      ("id", .string(worker.id)),
      ("alive", .bool(worker.alive)),
      ("last_beat_ms", milliseconds(worker.lastBeat)),
      ("running", .integer(Int64(worker.running))),
      (
        "jobs",
        .array(jobs.filter { scope == nil || $0.hasPrefix("\(scope ?? "")-") }.map { .string($0) })
      ),
      ("tokens_per_second", speed.map { .double($0) }),
      ("info", .fields(info.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
    ])
  }

  private static func json(_ interval: RecentJobs.Interval) -> JSONValue {
    .fields([
      ("time", .integer(Int64(interval.begin))),
      ("completed", .integer(Int64(interval.completed))),
      ("failed", .integer(Int64(interval.failed))),
      ("p50_ms", interval.percentile(0.5).map(milliseconds)),
      ("p95_ms", interval.percentile(0.95).map(milliseconds)),
      ("p99_ms", interval.percentile(0.99).map(milliseconds)),
      ("tokens", .integer(Int64(interval.tokens))),
    ])
  }

  private static func json(_ job: RecentJobs.Entry) -> JSONValue {
    .fields([
      ("id", .string(job.id)),
      ("task_name", job.taskName.map { .string($0) }),
      ("status", .string(job.status)),
      ("priority", .string(job.priority)),
      ("ms", milliseconds(job.took)),
      ("completion_tokens", .integer(Int64(job.completionTokens))),
      ("time", .integer(Int64(job.time))),
    ])
  }

  /// To the tenth.
  private static func milliseconds(_ duration: Duration) -> JSONValue {
    .double(((duration / .microseconds(100)).rounded()) / 10)
  }
}
