import JobQueue
import JobWire
import Synchronization

/// The names by which models can be asked for: those that the workers run, and the tasks that generate.
final class ModelDirectory: Sendable {
  /// How long an answer of the queue is good for, and also that there was none: asking a store that hangs takes long.
  private static let kept = Duration.seconds(2)

  /// When the gateway began, in seconds since 1970.
  let begin = WallClock.seconds
  private let queue: JobWaiter.Queue
  private let configured: String
  private let tasks = TaskDescription.all.filter { $0.kind == .generate }.map(\.name)
  private let found = Mutex<(time: ContinuousClock.Instant, workers: Result<[WorkerStatus], JobQueueError>)?>(
    nil)

  /// - Parameter configured: a name that is always there.
  init(queue: JobWaiter.Queue, configured: String) {
    self.queue = queue
    self.configured = configured
  }

  func isTask(_ name: String) -> Bool { tasks.contains(name) }

  func names() async throws(JobQueueError) -> [String] {
    var names: [String] = []
    let workers = try await workers().compactMap { $0.info[WorkerInfo.model] }
    for name in workers.sorted() + [configured] + tasks where !names.contains(name) { names.append(name) }
    return names
  }

  /// The ids below it are tokens to every model; nil while that isn't known.
  func vocabularySize() async throws(JobQueueError) -> Int? {
    try await least(WorkerInfo.vocabulary)
  }

  /// The tokens that prompt and new text may have together, wherever the job runs; nil while that isn't known.
  func contextLength() async throws(JobQueueError) -> Int? {
    try await least(WorkerInfo.context)
  }

  private func least(_ name: String) async throws(JobQueueError) -> Int? {
    try await workers().compactMap { $0.info[name].flatMap { Int($0) } }.min()
  }

  private func workers() async throws(JobQueueError) -> [WorkerStatus] {
    if let found = found.withLock({ $0 }), found.time + Self.kept > .now { return try found.workers.get() }
    let workers: Result<[WorkerStatus], JobQueueError>
    do throws(JobQueueError) {
      workers = .success(try await queue.status().workers.filter(\.alive))
    } catch {
      workers = .failure(error)
    }
    found.withLock { $0 = (.now, workers) }
    return try workers.get()
  }
}
