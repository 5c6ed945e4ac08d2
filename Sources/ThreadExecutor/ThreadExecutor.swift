import Synchronization

/// A serial executor with a thread of its own, for actors that block or compute for long.
///
/// ```swift
/// actor Engine {
///   private let executor: ThreadExecutor
///   init() throws { executor = try ThreadExecutor(name: "engine") }
///   nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
/// }
/// ```
/// The thread ends after the executor is released and the jobs that were enqueued before have run.
package final class ThreadExecutor: SerialExecutor {
  /// The system has no thread left.
  package struct NoThread: Error {}

  private let mailbox = Mailbox()

  package init(name: String) throws(NoThread) {
    let mailbox = mailbox
    guard DedicatedThread.start(named: name, { mailbox.run() }) else { throw NoThread() }
  }

  deinit { mailbox.stop() }

  package func enqueue(_ job: consuming ExecutorJob) {
    mailbox.put(Mailbox.Item(job: UnownedJob(job), executor: asUnownedSerialExecutor()))
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  /// Holds the jobs; outlives the executor until its thread has ended.
  private final class Mailbox: Sendable {
    struct Item: Sendable {
      let job: UnownedJob
      let executor: UnownedSerialExecutor
    }

    private struct State {
      var items: [Item] = []
      var stopped = false
    }

    private let state = Mutex(State())
    private let arrived = WaitableFlag()

    func put(_ item: Item) {
      let wasEmpty = state.withLock { state in
        state.items.append(item)
        return state.items.count == 1
      }
      if wasEmpty { arrived.raise() }
    }

    func stop() {
      state.withLock { $0.stopped = true }
      arrived.raise()
    }

    func run() {
      while true {
        let (items, stopped) = state.withLock { state in
          defer { state.items = [] }
          return (state.items, state.stopped)
        }
        for item in items { item.job.runSynchronously(on: item.executor) }
        if items.isEmpty {
          if stopped { return }
          arrived.wait()
        }
      }
    }
  }
}
