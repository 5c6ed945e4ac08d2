import ArgumentParser
import Glibc
import Synchronization
import UnixSignals

/// Work that ^C and SIGTERM end in order; the second of them ends the process at once.
enum StoppableWork {
  /// What the work asks, on whatever thread.
  final class Stop: Sendable {
    private let received = Mutex<Int32?>(nil)

    var isRequested: Bool { exitCode != nil }

    /// What a shell expects of a process that a signal ended.
    var exitCode: ExitCode? { received.withLock { $0 }.map { ExitCode(128 + $0) } }

    /// False if it was requested before.
    func request(by signal: Int32) -> Bool {
      received.withLock { received in
        guard received == nil else { return false }
        received = signal
        return true
      }
    }
  }

  /// Runs the work. With the first signal its task is cancelled and `stop` says so; what it returns or throws then
  /// does not matter.
  ///
  /// - Parameter grace: how long the work may take to end after a signal; nil: as long as it takes.
  /// - Throws: what the work throws; an `ExitCode` of 128 and the signal's number, if one came.
  static func run(
    grace: Duration? = nil, _ work: @escaping @Sendable (_ stop: Stop) async throws -> Void
  ) async throws {
    let stop = Stop()
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    // Both unstructured: a signal cancels the work alone, and the next one must still be heard while it ends.
    let task = Task { try await work(stop) }
    let listener = Task {
      for await signal in signals {
        guard stop.request(by: signal.rawValue) else { _exit(128 + signal.rawValue) }
        task.cancel()
        guard let grace else { continue }
        try? await Task.sleep(for: grace)
        if !Task.isCancelled { _exit(128 + signal.rawValue) }
      }
    }
    defer { listener.cancel() }
    let result = await task.result
    if let exitCode = stop.exitCode { throw exitCode }
    try result.get()
  }
}
