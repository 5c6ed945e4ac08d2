#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A flag that a thread can sleep on: raised by anyone, lowered by the thread that waited for it.
///
/// `@unchecked Sendable`: `raised` is only touched with `mutex` held, and the two system objects are made for
/// sharing; they have a stable address of their own and live as long as this object.
package final class WaitableFlag: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var raised = false

  package init() {
    mutex.initialize(to: pthread_mutex_t())
    condition.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    #if canImport(Darwin)
      pthread_cond_init(condition, nil)
    #else
      // Waiting on the monotonic clock: setting the time of day must neither prolong nor cut a wait.
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(condition, &attributes)
      pthread_condattr_destroy(&attributes)
    #endif
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func raise() {
    pthread_mutex_lock(mutex)
    raised = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Blocks the thread until the flag is raised, and lowers it.
  package func wait() {
    pthread_mutex_lock(mutex)
    while !raised { pthread_cond_wait(condition, mutex) }
    raised = false
    pthread_mutex_unlock(mutex)
  }

  /// Blocks the thread until the flag is raised, and lowers it; or until the time is over.
  ///
  /// - Returns: whether the flag was raised.
  package func wait(atMost time: Duration) -> Bool {
    var deadline = timespec()
    #if canImport(Darwin)
      clock_gettime(CLOCK_REALTIME, &deadline)
    #else
      clock_gettime(CLOCK_MONOTONIC, &deadline)
    #endif
    let (seconds, attoseconds) = time.components
    let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000)
    deadline.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000

    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !raised {
      if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break }
    }
    defer { raised = false }
    return raised
  }
}
