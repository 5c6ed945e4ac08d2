import Glibc

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
    throw Failure(description: "redis-server on port \(port) doesn't answer")
  }

  package func probe() throws -> RedisProbe { try RedisProbe(port: port) }

  static func find(_ name: String) -> String? {
    let paths = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/usr/local/bin"
    return paths.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  package static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = RedisProbe.loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw Failure(description: "no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
