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
  let observers: [any WorkerObserver]
  let logger: Logger
  let slots: Slots
  let interruptions = Interruptions()

  package init(
    queue: any JobConsumer, tasks: TaskRegistry, configuration: WorkerConfiguration,
    observers: [any WorkerObserver] = [], logger: Logger
  ) {
    self.queue = queue
    self.tasks = tasks
    self.configuration = configuration
    self.observers = observers
    self.logger = logger
    self.slots = Slots(count: configuration.maxConcurrentJobs)
  }

  package func run() async throws {
    await withTaskGroup(of: Void.self) { helpers in
      helpers.addTask { await listenForInterruptions() }
      await withTaskGroup(of: Void.self) { work in
        work.addTask {
          await withDiscardingTaskGroup { jobs in
            await takeJobs { job in jobs.addTask { await finish(job) } }
          }
        }
        work.addTask { await waitUntilHandedBack() }
        // What the queue can't be told by then is found in this worker's list.
        await work.next()
        work.cancelAll()
      }
      helpers.cancelAll()
    }
  }

  /// Claims until the worker is told to stop.
  private func takeJobs(_ begin: (StartedJob) -> Void) async {
    while !Task.isShuttingDownGracefully, !Task.isCancelled {
      let free = await slots.wait(for: 1)
      await tasks.waitForRoom()
      guard !Task.isShuttingDownGracefully, !Task.isCancelled else { return }
      do throws(JobQueueError) {
        let claimed = try await claim(upTo: min(free, configuration.maxJobsPerClaim))
        await start(claimed, begin)
      } catch {
        logger.debug("no jobs can be claimed", metadata: ["error": "\(error)"])
        try? await Task.sleep(for: configuration.retryDelay)
      }
    }
  }

  /// Starts the jobs, all at once, but copies of one in their order, so that the first runs and the others are
  /// told of its result. One that an earlier worker died of runs alone, so that it can take no other job along:
  /// other such jobs go back, and what runs is finished first.
  private func start(_ claimed: [ClaimedJob], _ begin: (StartedJob) -> Void) async {
    let copies = Dictionary(grouping: claimed.indices) { claimed[$0].envelope?.id }
    let started = await withTaskGroup(of: [(Int, StartedJob?)].self) { group in
      for indices in copies.values {
        group.addTask {
          var outcomes: [(Int, StartedJob?)] = []
          for index in indices { outcomes.append((index, await start(claimed[index]))) }
          return outcomes
        }
      }
      return await group.reduce(into: [Int: StartedJob]()) { started, outcomes in
        for (index, job) in outcomes { started[index] = job }
      }
    }
    let inOrder = claimed.indices.compactMap { started[$0] }
    for job in inOrder where job.attempt == 1 {
      slots.take()
      begin(job)
    }
    let risky = inOrder.filter { $0.attempt > 1 }
    for other in risky.dropFirst().reversed() {
      interruptions.forget(other.job)
      await release(other.job)
    }
    guard let alone = risky.first else { return }
    slots.take()
    _ = await slots.wait(for: configuration.maxConcurrentJobs - 1)
    await finish(alone)
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

  private func listenForInterruptions() async {
    for await interruption in queue.interruptions { interruptions.note(interruption) }
  }

  /// Interrupts the jobs that aren't finished when the time to do so is over. Returns when they should be back.
  private func waitUntilHandedBack() async {
    guard (try? await gracefulShutdown()) != nil else { return }
    logger.notice(
      "no more jobs are taken; those that run may finish", metadata: ["running": "\(slots.taken)"])
    guard (try? await Task.sleep(for: configuration.drain)) != nil else { return }
    logger.notice("the time to finish is over; the rest goes back", metadata: ["running": "\(slots.taken)"])
    interruptions.releaseAll()
    try? await Task.sleep(for: configuration.handBack)
  }
}
