import Foundation
package import Glibc
import Synchronization

/// The built program, running while a test does. It is killed with this object.
package final class Program: Sendable {
  private struct State {
    var lines: [String] = []
    var partial: [UInt8] = []
    var status: Int32?
    var waiters: [(text: String, continuation: CheckedContinuation<String?, Never>)] = []
  }

  private let state: Shared
  private let process: ChildProcess

  /// `gpt2` as it lies beside the tests, or as `GPT2_PROGRAM` names it.
  package static let path: String = {
    if let path = ProcessInfo.processInfo.environment["GPT2_PROGRAM"] { return path }
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().appending(path: "gpt2").path
  }()

  /// Runs `gpt2` with these arguments to its end.
  package static func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) async throws -> (status: Int32, output: String, errors: String) {
    try await ChildProcess.run([path] + arguments, input: input, environment: environment)
  }

  /// Starts `gpt2` with these arguments.
  package init(_ arguments: [String], environment: [String: String] = [:]) throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else {
      throw ChildProcess.Failure(description: "no pipe")
    }
    let (readEnd, writeEnd) = (ends[0], ends[1])
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer {
      close(writeEnd)
      close(null)
    }
    let process = try ChildProcess(
      [Self.path] + arguments, environment: ChildProcess.environment.merging(environment) { $1 }, input: null,
      output: writeEnd, errors: writeEnd)
    let state = Shared()
    self.process = process
    self.state = state
    Thread.detachNewThread {
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while case let count = read(readEnd, &chunk, chunk.count), count > 0 { state.take(chunk[..<count]) }
      close(readEnd)
      state.end(status: process.wait())
    }
  }

  deinit { if state.status == nil { kill(process.pid, SIGKILL) } }

  package func send(_ signal: Int32) { if state.status == nil { kill(process.pid, signal) } }

  /// Kills the program as a crash would.
  package func crash() async {
    send(SIGKILL)
    _ = await exit()
  }

  /// Waits for the end; the exit status.
  package func exit() async -> Int32 {
    _ = await line(containing: "\u{0}")
    return state.status ?? -1
  }

  package var pid: pid_t { process.pid }

  /// The exit status, once it has ended.
  package var status: Int32? { state.status }

  package var output: String { state.lines.joined(separator: "\n") }

  /// Waits for a line of output with this text; nil if the program ended without one.
  package func line(containing text: String) async -> String? { await state.line(containing: text) }

  /// What the reading thread and the test share.
  private final class Shared: Sendable {
    private let state = Mutex(State())

    var status: Int32? { state.withLock { $0.status } }
    var lines: [String] { state.withLock { $0.lines } }

    func take(_ bytes: ArraySlice<UInt8>) {
      resume { state in
        state.partial += bytes
        var lines = state.partial.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        state.partial = Array(lines.removeLast())
        state.lines += lines.map { String(decoding: $0, as: UTF8.self) }
      }
    }

    func end(status: Int32) {
      resume { state in
        state.lines.append(String(decoding: state.partial, as: UTF8.self))
        state.status = status
      }
    }

    func line(containing text: String) async -> String? {
      await withCheckedContinuation { continuation in
        resume { $0.waiters.append((text, continuation)) }
      }
    }

    private func resume(after change: (inout State) -> Void) {
      let resumed = state.withLock { state in
        change(&state)
        let answered = state.waiters.map { waiter in
          (waiter, line: state.lines.first { $0.contains(waiter.text) })
        }
        state.waiters = answered.filter { $0.line == nil && state.status == nil }.map(\.0)
        return answered.filter { $0.line != nil || state.status != nil }
      }
      for (waiter, line) in resumed { waiter.continuation.resume(returning: line) }
    }
  }
}
