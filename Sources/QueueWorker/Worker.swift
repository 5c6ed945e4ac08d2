package import JobQueue
package import Logging
import ServiceLifecycle

/// Takes jobs from the queue as long as it has room for them, runs each as its task says, and posts the results.
///
/// When it is told to stop it takes no more, finishes what it can in the time it has, and gives the rest back.
package struct Worker: Service {
  let queue: any JobConsumer
  let tasks: TaskRegistry
  let configuration: WorkerConfiguration
  let logger: Logger
  let slots: Slots
  let interruptions = Interruptions()

  package init(
    queue: any JobConsumer, tasks: TaskRegistry, configuration: WorkerConfiguration, logger: Logger
  ) {
    self.queue = queue
    self.tasks = tasks
    self.configuration = configuration
    self.logger = logger
    self.slots = Slots(count: configuration.maxConcurrentJobs)
  }

  package func run() async throws {
    await withTaskGroup(of: Void.self) { helpers in
      helpers.addTask { await listenForCancellations() }
      await withDiscardingTaskGroup { jobs in
        await takeJobs { job in jobs.addTask { await handle(job) } }
        helpers.addTask { await releaseAfterDrain() }
      }
      helpers.cancelAll()
    }
  }

  /// Claims until the worker is told to stop.
  private func takeJobs(_ begin: (ClaimedJob) -> Void) async {
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      let free = await slots.waitForOne()
      do throws(JobQueueError) {
        for job in try await claim(upTo: free) {
          slots.take()
          begin(job)
        }
      } catch {
        logger.warning("no jobs can be claimed", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: configuration.retryDelay)
      }
    }
  }

  /// Waits for jobs, but no longer than until the worker is told to stop. What was claimed by then is handled.
  private func claim(upTo limit: Int) async throws(JobQueueError) -> [ClaimedJob] {
    try await withTaskGroup(of: Result<[ClaimedJob], JobQueueError>.self) { group in
      group.addTask {
        do throws(JobQueueError) {
          return .success(try await queue.claim(upTo: limit, waiting: configuration.claimWait))
        } catch {
          return .failure(error)
        }
      }
      group.addTask {
        try? await gracefulShutdown()
        return .success([])
      }
      let first = await group.next() ?? .success([])
      group.cancelAll()
      let second = await group.next() ?? .success([])
      return first.flatMap { jobs in second.map { jobs + $0 } }
    }.get()
  }

  private func listenForCancellations() async {
    for await id in queue.cancellations { interruptions.cancel(id) }
  }

  private func releaseAfterDrain() async {
    guard (try? await Task.sleep(for: configuration.drain)) != nil else { return }
    interruptions.releaseAll()
  }
}
