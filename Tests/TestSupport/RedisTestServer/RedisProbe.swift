import Glibc

/// A second, plain way to talk to Redis: what a user does with `redis-cli`. Blocks.
package final class RedisProbe {
  /// An answer.
  package indirect enum Reply: Equatable, Sendable {
    case null
    case integer(Int)
    case bytes([UInt8])
    case text(String)
    case error(String)
    case array([Reply])

    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    package var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    package var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    package var array: [Reply]? { if case .array(let value) = self { value } else { nil } }
    var isLoading: Bool { if case .error(let message) = self { message.hasPrefix("LOADING") } else { false } }
  }

  private let descriptor: Int32
  private var input: [UInt8] = []
  private var position = 0

  package init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = Self.loopback(port: port)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    // Throwing runs `deinit`, which closes.
    if status != 0 {
      throw RedisTestServer.Failure(description: "nobody listens on port \(port)")
    }
  }

  deinit { close(descriptor) }

  static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  @discardableResult
  package func send(_ words: String...) throws -> Reply { try send(words.map { Array($0.utf8) }) }

  @discardableResult
  package func send(_ words: [[UInt8]]) throws -> Reply {
    try write(Self.encoded(words))
    return try reply()
  }

  /// Sends all commands, and reads the answers afterwards.
  package func pipeline(_ commands: [[String]]) throws -> [Reply] {
    try write(commands.flatMap { Self.encoded($0.map { Array($0.utf8) }) })
    return try commands.map { _ in try reply() }
  }

  private static func encoded(_ words: [[UInt8]]) -> [UInt8] {
    var output = Array("*\(words.count)\r\n".utf8)
    for word in words { output += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
    return output
  }

  private func write(_ output: [UInt8]) throws {
    var sent = 0
    while sent < output.count {
      let count = output[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { throw RedisTestServer.Failure(description: "the connection broke") }
      sent += count
    }
  }

  private func reply() throws -> Reply {
    let line = try line()
    let rest = String(decoding: line.dropFirst(), as: UTF8.self)
    switch line.first {
    case UInt8(ascii: "+"): return .text(rest)
    case UInt8(ascii: "-"): return .error(rest)
    case UInt8(ascii: ":"): return .integer(Int(rest) ?? 0)
    case UInt8(ascii: "$"):
      guard let count = Int(rest), count >= 0 else { return .null }
      while input.count - position < count + 2 { try fill() }
      defer { position += count + 2 }
      return .bytes(Array(input[position..<position + count]))
    case UInt8(ascii: "*"):
      guard let count = Int(rest), count >= 0 else { return .null }
      return .array(try (0..<count).map { _ in try reply() })
    default: throw RedisTestServer.Failure(description: "not the protocol of Redis")
    }
  }

  private func line() throws -> [UInt8] {
    while true {
      if let end = input[position...].firstIndex(of: 10) {
        defer { position = end + 1 }
        return Array(input[position..<end - 1])
      }
      try fill()
    }
  }

  private func fill() throws {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count <= 0 { throw RedisTestServer.Failure(description: "the connection broke") }
    input = Array(input[position...]) + buffer[..<count]
    position = 0
  }
}
