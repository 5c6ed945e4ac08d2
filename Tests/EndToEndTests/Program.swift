import Foundation
import Synchronization

/// A program that runs while a test does: `gpt2` as it was built, or a tool that users have.
final class Program: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private struct State {
    var output: [String] = []
    var partial = ""
    var ended = false
    var waiters: [(text: String, continuation: CheckedContinuation<String?, Never>)] = []
  }

  private let state = Mutex(State())
  private let process: Process

  /// The built program, beside the tests.
  static let gpt2: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().appending(path: "gpt2").path
  }()

  /// Starts `gpt2` with these arguments; the environment is only what is given here.
  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    process = Process()
    process.executableURL = URL(filePath: Self.gpt2)
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": NSTemporaryDirectory()].merging(environment) {
      $1
    }
    process.currentDirectoryURL = FileManager.default.temporaryDirectory
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
      let data = handle.availableData
      if data.isEmpty { handle.readabilityHandler = nil }
      self?.take(data)
    }
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Kills the program as a crash would.
  func crash() {
    send(SIGKILL)
    process.waitUntilExit()
  }

  /// Waits for the end; the exit status.
  func exit() async -> Int32 {
    _ = await line(containing: "\u{0}")
    process.waitUntilExit()
    return process.terminationStatus
  }

  var output: String { state.withLock { ($0.output + [$0.partial]).joined(separator: "\n") } }

  /// Waits for a line of output with this text; nil if the program ended without one.
  func line(containing text: String) async -> String? {
    await withCheckedContinuation { continuation in
      let found: String?? = state.withLock { state in
        if let line = state.output.first(where: { $0.contains(text) }) { return line }
        if state.ended { return .some(nil) }
        state.waiters.append((text, continuation))
        return nil
      }
      if let found { continuation.resume(returning: found) }
    }
  }

  private func take(_ data: Data) {
    let resumed = state.withLock { state in
      var resumed: [(CheckedContinuation<String?, Never>, String?)] = []
      state.partial += String(decoding: data, as: UTF8.self)
      var lines = state.partial.components(separatedBy: "\n")
      state.partial = lines.removeLast()
      if data.isEmpty {
        lines.append(state.partial)
        state.ended = true
      }
      state.output += lines
      state.waiters.removeAll { waiter in
        let line = lines.first { $0.contains(waiter.text) }
        guard line != nil || state.ended else { return false }
        resumed.append((waiter.continuation, line))
        return true
      }
      return resumed
    }
    for (continuation, line) in resumed { continuation.resume(returning: line) }
  }

  /// Runs a program to its end, with text as its input.
  static func run(
    _ path: String, _ arguments: [String], input: String = "", environment: [String: String]? = nil
  ) async throws -> (status: Int32, output: String, errors: String) {
    // A thread of its own: the cooperative pool must not block, and the program may run for seconds.
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result { try runBlocking(path, arguments, input: input, environment: environment) })
      }
    }
  }

  private static func runBlocking(
    _ path: String, _ arguments: [String], input: String, environment: [String: String]?
  ) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.currentDirectoryURL = FileManager.default.temporaryDirectory
    if let environment {
      process.environment = ["PATH": "/usr/bin:/bin", "HOME": NSTemporaryDirectory()].merging(environment) {
        $1
      }
    }
    let (stdin, stdout) = (Pipe(), Pipe())
    let errors = FileManager.default.temporaryDirectory.appending(path: "errors-\(UUID().uuidString)")
    try Data().write(to: errors)
    defer { try? FileManager.default.removeItem(at: errors) }
    process.standardInput = stdin
    process.standardOutput = stdout
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (
      process.terminationStatus, String(decoding: output, as: UTF8.self),
      try String(contentsOf: errors, encoding: .utf8)
    )
  }
}
