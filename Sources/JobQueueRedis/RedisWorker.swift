import JobQueue
import Logging
import Synchronization

/// What the parts of one worker share: who it is and what it holds.
final class RedisWorker: Sendable {
  let id: String
  let configuration: RedisConfiguration
  let keys: RedisKeys
  let info: WorkerInfo.Source
  let identify: JobIdentifier
  let logger: Logger
  let jobs = Mutex(InFlightJobs())
  let interruptions: AsyncStream<JobInterruption>
  let interrupted: AsyncStream<JobInterruption>.Continuation
  private let lastBeat = Mutex<ContinuousClock.Instant?>(nil)

  init(
    configuration: RedisConfiguration, info: @escaping WorkerInfo.Source, logger: Logger,
    identify: @escaping JobIdentifier
  ) {
    id = WorkerIdentity.make()
    self.configuration = configuration
    keys = RedisKeys(namespace: configuration.namespace)
    self.info = info
    self.logger = logger
    self.identify = identify
    (interruptions, interrupted) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
  }

  /// The list of jobs in its hands.
  var processing: String { keys.processing(id) }

  /// Names one claim of one worker; the owner of a running job.
  func token(of job: ClaimedJob) -> String { "\(id)#\(job.claimNumber)" }

  func noteBeat() { lastBeat.withLock { $0 = ContinuousClock.now } }

  /// Whether Redis has heard of this worker at all.
  var hasBeaten: Bool { lastBeat.withLock { $0 != nil } }

  /// Whether others may be about to take over the jobs: nothing should be claimed then.
  var isLeaseInDoubt: Bool {
    guard let last = lastBeat.withLock({ $0 }) else { return false }
    return ContinuousClock.now - last > configuration.lease / 2
  }
}
