import Glibc
import Synchronization

/// A Redis server of one's own on a free loopback port. It ends with this object, and at the latest with the
/// process of the tests, even if that crashes: a shell that watches a pipe sees to it.
package final class RedisTestServer: Sendable {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  package let port: Int
  package var url: String { "redis://127.0.0.1:\(port)" }
  private let directory: String
  private let arguments: [String]
  private let process: Guarded

  /// Starts a server and waits until it answers.
  package init(appendOnly: Bool = false, arguments extra: [String] = []) throws {
    guard let redis = Self.find("redis-server") else {
      throw Failure(description: "these tests need redis-server 7.0 or newer: apt-get install redis-server")
    }
    var template = Array("/tmp/redis-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(description: "no temporary directory") }
    directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    port = try Self.freePort()
    arguments =
      [
        redis, "--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--save", "",
        "--appendonly", appendOnly ? "yes" : "no", "--logfile", "\(directory)/log",
      ] + extra
    process = Guarded()
    try start()
  }

  deinit {
    process.kill()
    _ = try? Guarded.spawn(["/bin/rm", "-rf", directory]).wait()
  }

  /// Ends the server as a crash would.
  package func crash() { process.kill() }

  /// Starts a server that crashed; it reads its append-only file again. Waits until it answers.
  package func start() throws {
    try process.start(arguments)
    for _ in 0..<2_000 {
      if let probe = try? RedisProbe(port: port), let reply = try? probe.send("PING"), !reply.isLoading {
        return
      }
      usleep(10_000)
    }
    throw Failure(description: "redis-server on port \(port) doesn't answer; \(lastLines())")
  }

  private func lastLines() -> String {
    guard let file = fopen("\(directory)/log", "re") else { return "it has no log" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count).suffix(400), as: UTF8.self)
  }

  package func probe() throws -> RedisProbe { try RedisProbe(port: port) }

  static func find(_ name: String) -> String? {
    let paths = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/usr/local/bin"
    return paths.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  private static let handedOut = Mutex<Set<Int>>([])

  /// A port that nobody listens on, and that nobody else is given here. It is none of those that the system
  /// gives to outgoing connections, or one of these could take it before the server does.
  package static func freePort() throws -> Int {
    for _ in 0..<1_000 {
      let port = Int.random(in: 10_000..<32_000)
      if handedOut.withLock({ $0.insert(port).inserted }), isFree(port) { return port }
    }
    throw Failure(description: "no free port")
  }

  private static func isFree(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = RedisProbe.loopback(port: port)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
