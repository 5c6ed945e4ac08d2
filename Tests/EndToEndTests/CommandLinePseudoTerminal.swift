import Foundation
import Glibc
import ServiceUnderTest
import Synchronization

/// A terminal that a program is started on, and what it wrote there.
final class PseudoTerminal: Sendable {
  /// `TIOCSPTLCK` and `TIOCGPTN`, which are not imported.
  private static let (setLock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)

  private let own: Int32
  private let programs: Int32
  private let written = Mutex<[UInt8]>([])

  init(columns: UInt16 = 100, rows: UInt16 = 30) throws {
    own = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var (locked, number): (Int32, UInt32) = (0, 0)
    guard own >= 0, ioctl(own, Self.setLock, &locked) == 0, ioctl(own, Self.getNumber, &number) == 0 else {
      throw ChildProcess.Failure(description: "no pseudo-terminal")
    }
    programs = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    guard programs >= 0, ioctl(own, UInt(TIOCSWINSZ), &size) == 0 else {
      throw ChildProcess.Failure(description: "no pseudo-terminal")
    }
    let flags = fcntl(own, F_GETFL)
    _ = fcntl(own, F_SETFL, flags | O_NONBLOCK)
  }

  deinit {
    close(own)
    close(programs)
  }

  /// Starts `gpt2` on the terminal.
  func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ChildProcess {
    try ChildProcess(
      [Program.path] + arguments, environment: ChildProcess.environment.merging(environment) { $1 },
      input: programs, output: programs, errors: programs)
  }

  /// All that was written to it so far.
  var text: String {
    written.withLock { written in
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while case let count = read(own, &chunk, chunk.count), count > 0 { written += chunk[..<count] }
      return String(decoding: written, as: UTF8.self)
    }
  }

  /// Waits until this was written, at most half a minute.
  func waits(for part: String) async -> Bool { await waits { $0.contains(part) } }

  func waits(until isTrue: (String) -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      if isTrue(text) { return true }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return false
  }
}
