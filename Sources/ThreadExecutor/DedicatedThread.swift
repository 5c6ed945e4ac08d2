#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Starts threads of one's own, for work that blocks and therefore has no place in the cooperative pool.
package enum DedicatedThread {
  /// Runs `body` on a new detached thread.
  ///
  /// - Parameter name: shown by `top -H` and debuggers; the system cuts it at 15 bytes.
  /// - Returns: false if the system has no thread to give.
  @discardableResult
  package static func start(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    let context = Unmanaged.passRetained(Start(name: name, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = pthread_create(&thread, &attributes, Self.enter, context.toOpaque())
    if status != 0 { context.release() }
    return status == 0
  }

  #if canImport(Darwin)
    private static let enter: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = {
      run($0)
      return nil
    }
  #else
    private static let enter: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
      if let context = $0 { run(context) }
      return nil
    }
  #endif

  private static func run(_ context: UnsafeMutableRawPointer) {
    let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
    #if canImport(Darwin)
      pthread_setname_np(start.name)
    #else
      // The C library hides `pthread_setname_np` from Swift; this is what it does. The kernel cuts long names.
      let comm = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
      if comm >= 0 {
        _ = write(comm, start.name, start.name.utf8.count)
        close(comm)
      }
    #endif
    start.body()
  }

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}
