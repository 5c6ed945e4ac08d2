import Glibc
import Synchronization

/// Threads for work that blocks or computes without end, which must not occupy those that tasks run on.
enum ThreadTeam {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private final class Job: Sendable {
    enum Start: Int, AtomicRepresentable {
      case waiting, go, never
    }

    let count = Atomic(0)
    let start = Atomic(Start.waiting)
    let body: @Sendable (Int) -> Void

    init(body: @escaping @Sendable (Int) -> Void) { self.body = body }

    func run() {
      let index = count.wrappingAdd(1, ordering: .relaxed).oldValue
      while start.load(ordering: .acquiring) == .waiting { sched_yield() }
      if start.load(ordering: .acquiring) == .go { body(index) }
    }
  }

  /// Runs `body` with 0 to `count` - 1 on as many threads, which begin together, and waits until all are done.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws(Failure) {
    let job = Job(body: body)
    var threads: [pthread_t] = []
    for _ in 0..<count {
      let argument = Unmanaged.passRetained(job)
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { argument in
          if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, argument.toOpaque())
      guard code == 0 else {
        argument.release()
        break
      }
      threads.append(thread)
    }
    job.start.store(threads.count == count ? .go : .never, ordering: .releasing)
    for thread in threads { pthread_join(thread, nil) }
    guard threads.count == count else {
      throw Failure(description: "only \(threads.count) of \(count) threads could be started")
    }
  }
}
