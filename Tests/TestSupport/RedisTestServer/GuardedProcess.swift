import Glibc
import Synchronization

/// A process that is killed when its guard goes, or when the process that started it does.
final class Guarded: Sendable {
  private struct Running {
    var shell: Spawned
    var pipe: Int32
  }

  /// A child process.
  struct Spawned: Sendable {
    let pid: pid_t

    func wait() {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) == -1, errno == EINTR {}
    }
  }

  private let running = Mutex<Running?>(nil)

  /// The shell kills the process once its standard input is at its end.
  func start(_ arguments: [String]) throws {
    let script = #""$@" </dev/null >/dev/null 2>&1 & cat >/dev/null; kill -9 $!; wait $!"#
    // One at a time: no other child may inherit the writing end before it is marked.
    let started = try Self.spawning.withLock { _ in
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 else {
        throw RedisTestServer.Failure(description: "no pipe")
      }
      defer { close(ends[0]) }
      return Running(
        shell: try Self.launch(["/bin/sh", "-c", script, "sh"] + arguments, stdin: ends[0]), pipe: ends[1])
    }
    running.withLock { $0 = started }
  }

  /// Kills the process and waits for its end.
  func kill() {
    guard
      let running = running.withLock({ running in
        defer { running = nil }
        return running
      })
    else { return }
    close(running.pipe)
    running.shell.wait()
  }

  /// Starts a program that ends by itself.
  static func spawn(_ arguments: [String]) throws -> Spawned {
    try spawning.withLock { _ in try launch(arguments, stdin: nil) }
  }

  private static let spawning = Mutex(())

  private static func launch(_ arguments: [String], stdin: Int32?) throws -> Spawned {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let stdin { posix_spawn_file_actions_adddup2(&actions, stdin, 0) }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, arguments[0], &actions, nil, &words, environ)
    guard status == 0 else { throw RedisTestServer.Failure(description: "\(arguments[0]) can't be started") }
    return Spawned(pid: pid)
  }
}

/// Runs a program to its end.
package enum Shell {
  /// - Throws: if it can't be started.
  package static func run(_ arguments: [String]) throws { try Guarded.spawn(arguments).wait() }
}
