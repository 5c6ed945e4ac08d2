import ArgumentParser
import Glibc

/// The time from the start of a process to its first token.
///
/// It is taken from outside: this program starts itself again with one more argument, and the clock runs from
/// before the start until the new process writes. So loading the program and linking it count, and nothing is
/// warm but the files in the page cache.
struct FirstTokenTimer {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// What the started process writes when its first token is there.
  static let signal: UInt8 = UInt8(ascii: "1")

  /// Of the process to start, without the name of the program.
  let arguments: [String]

  /// The median of several starts, in seconds. The first one is not counted: it may convert the model, and brings
  /// the files into the page cache.
  func measure(runs: Int = 5) throws -> Double {
    _ = try start()
    var times: [Double] = []
    for _ in 0..<runs { times.append(try start()) }
    return Statistics.median(times) ?? 0
  }

  private func start() throws -> Double {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else {
      throw Failure(description: "no pipe could be made")
    }
    let (readEnd, writeEnd) = (ends[0], ends[1])
    defer { close(readEnd) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, writeEnd, STDOUT_FILENO)

    let words: [UnsafeMutablePointer<CChar>?] = (["gpt2"] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    let begin = ContinuousClock.now
    let code = posix_spawn(&process, "/proc/self/exe", &actions, nil, words, environ)
    close(writeEnd)
    guard code == 0 else {
      throw Failure(description: "the program could not be started again: \(String(cString: strerror(code)))")
    }
    var byte: UInt8 = 0
    var count = read(readEnd, &byte, 1)
    while count < 0 && errno == EINTR { count = read(readEnd, &byte, 1) }
    let end = ContinuousClock.now
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    // It has said itself what went wrong.
    guard status == 0 else { throw ExitCode.failure }
    guard count == 1, byte == Self.signal else {
      throw Failure(description: "the program made no token when it was started again")
    }
    return (end - begin) / .seconds(1)
  }
}
