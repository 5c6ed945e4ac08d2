import Foundation
package import Glibc

/// A process, started and waited for with the system's own calls.
package struct ChildProcess: Sendable {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
  }

  package let pid: pid_t

  /// - Parameters:
  ///   - environment: all that the process has; it starts in the folder for temporary files.
  ///   - input, output, errors: descriptors for its first three; they stay open here.
  package init(
    _ arguments: [String], environment: [String: String], input: Int32, output: Int32, errors: Int32
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in [input, output, errors].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    let launcher = ["/bin/sh", "-c", #"cd "$0" && exec "$@""#, NSTemporaryDirectory()]
    var words: [UnsafeMutablePointer<CChar>?] = (launcher + arguments).map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for word in words + variables { free(word) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, launcher[0], &actions, nil, &words, &variables)
    guard code == 0 else {
      throw Failure(description: "\(arguments[0]) can't be started: \(String(cString: strerror(code)))")
    }
    self.pid = pid
  }

  /// Waits for the end: the exit status, or the signal's number above 128, as in a shell. Once only.
  package func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) == -1, errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
  }

  /// What a process started by a test sees: the path, and a home of its own.
  package static let environment = ["PATH": "/usr/bin:/bin", "HOME": NSTemporaryDirectory()]

  /// Runs a program to its end, with text as its input.
  package static func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) async throws -> (status: Int32, output: String, errors: String) {
    // A thread of its own: the cooperative pool must not block, and the program may run for seconds.
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let (stdin, stdout, stderr) = (try Scratch(input), try Scratch(), try Scratch())
            let process = try ChildProcess(
              arguments, environment: Self.environment.merging(environment) { $1 }, input: stdin.descriptor,
              output: stdout.descriptor, errors: stderr.descriptor)
            return (process.wait(), stdout.text, stderr.text)
          })
      }
    }
  }
}

/// An unnamed file: unlike a pipe, it never fills up.
private final class Scratch {
  let descriptor: Int32

  init(_ text: String = "") throws {
    var path = Array((NSTemporaryDirectory() + "/gpt2-test-XXXXXX").utf8CString)
    descriptor = mkstemp(&path)
    guard descriptor >= 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
      throw ChildProcess.Failure(description: "no temporary file")
    }
    unlink(path)
    _ = Array(text.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    lseek(descriptor, 0, SEEK_SET)
  }

  deinit { close(descriptor) }

  var text: String {
    let size = Int(lseek(descriptor, 0, SEEK_END))
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = max(0, pread(descriptor, buffer.baseAddress, size, 0))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
