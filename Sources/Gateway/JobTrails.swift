import JobQueue
import Logging
import ServiceLifecycle
import Synchronization

/// Follows the jobs that were only submitted, so that whoever asks for their events is told of them from the beginning.
///
/// It also does for them what a waiting request does for its own: submits them again if the store came back without
/// them, and takes them out when their time to begin is over.
final class JobTrails: Service {
  private struct Followed: Sendable {
    let trail: JobTrail
    /// Nil: a job that another gateway took.
    let own: (job: ChargedJob, order: JobDispatcher.Order)?
  }

  /// How long the events of a job are kept once it ended, unless their memory is needed.
  private static let keptFor = Duration.seconds(600)

  private let waiter: JobWaiter
  private let dispatcher: JobDispatcher
  private let logger: Logger
  private let memory: TrailMemory
  private let trails = Mutex<[JobID: JobTrail]>([:])
  private let arrivals = AsyncStream<Followed>.makeStream()

  /// - Parameters:
  ///   - waiter: says how long a job is followed.
  ///   - maxBytes: of all trails together.
  init(waiter: JobWaiter, dispatcher: JobDispatcher, maxBytes: Int, logger: Logger) {
    self.waiter = waiter
    self.dispatcher = dispatcher
    self.logger = logger
    memory = TrailMemory(limit: maxBytes)
  }

  func run() async throws {
    await withTaskCancellationOrGracefulShutdownHandler {
      await withDiscardingTaskGroup { group in
        for await followed in arrivals.stream { group.addTask { [self] in await follow(followed) } }
        group.cancelAll()
      }
    } onCancelOrGracefulShutdown: {
      self.arrivals.continuation.finish()
    }
  }

  /// Follows a job that was accepted here.
  func add(_ job: ChargedJob, _ order: JobDispatcher.Order) {
    _ = begin(order.id, (job, order))
  }

  /// The trail of a job. One that isn't known here is followed from now on.
  func trail(of id: JobID) -> JobTrail {
    trails.withLock { $0[id] } ?? begin(id, nil)
  }

  private func begin(_ id: JobID, _ own: (ChargedJob, JobDispatcher.Order)?) -> JobTrail {
    let trail = JobTrail(id: id, memory: memory)
    let known = trails.withLock { trails in
      if let known = trails[id], known.endTime == nil { return known }
      let hasRoom = memory.hasRoom
      trails = trails.filter { _, trail in
        trail.endTime.map { hasRoom && ContinuousClock.now - $0 < Self.keptFor } ?? true
      }
      trails[id] = trail
      return trail
    }
    if known === trail { arrivals.continuation.yield(Followed(trail: trail, own: own)) }
    return known
  }

  private func follow(_ followed: Followed) async {
    let outcome: JobWaiter.Outcome
    if let (job, order) = followed.own {
      let begin = ContinuousClock.now
      outcome = await waiter.outcome(
        of: job.job, connection: ClientConnection(), follower: followed.trail, logger: logger)
      await dispatcher.end(of: job, order, outcome, took: .now - begin, logger)
    } else {
      outcome = await waiter.outcome(of: followed.trail.id, follower: followed.trail, logger: logger)
    }
    followed.trail.end(outcome, timeout: waiter.timeout)
  }
}
