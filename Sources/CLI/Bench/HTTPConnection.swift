import Glibc

/// A connection that stays open from one request to the next, over plain HTTP/1.1 with blocking calls.
struct HTTPConnection: ~Copyable {
  struct Answer {
    var status: Int
    var body: [UInt8]
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let socket: Int32
  private let target: HTTPProbe
  private let headers: String
  private var received = ReceivedBytes()
  /// Whether the server takes another request on it.
  private(set) var isOpen = true

  /// - Parameters:
  ///   - headers: lines that go with every request, each with its line end.
  ///   - timeout: of every step, in seconds.
  init(to target: HTTPProbe, headers: String, timeout: Double) throws {
    socket = try target.connected(timeout: timeout)
    var yes: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    self.target = target
    self.headers = headers
  }

  deinit { close(socket) }

  mutating func post(_ body: [UInt8]) throws(Failure) -> Answer {
    let head =
      "POST \(target.path) HTTP/1.1\r\nHost: \(target.host.urlHost):\(target.port)\r\n"
      + "Content-Type: application/json\r\n\(headers)Content-Length: \(body.count)\r\n\r\n"
    do {
      try send(Array(head.utf8) + body)
      return try receive()
    } catch {
      isOpen = false
      throw error
    }
  }

  private func send(_ bytes: [UInt8]) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw failure("no request could be sent")
      }
    }
  }

  private mutating func receive() throws(Failure) -> Answer {
    var head = try readHead()
    // 100 Continue and its like come before the answer.
    while (100..<200).contains(head.status) { head = try readHead() }
    if head.closes { isOpen = false }
    switch head.length {
    case .bytes(let count): return Answer(status: head.status, body: try readBytes(count))
    case .chunks: return Answer(status: head.status, body: try readChunks())
    case .untilClose:
      isOpen = false
      while try receiveMore() {}
      return Answer(status: head.status, body: received.takeAll())
    }
  }

  private mutating func readHead() throws(Failure) -> HTTPHead {
    var lines: [String] = []
    while true {
      let line = try readLine()
      if line.isEmpty { break }
      lines.append(line)
      guard lines.count <= 256 else { throw Failure(description: "the answer has too many header lines") }
    }
    guard let head = HTTPHead(lines: lines) else {
      throw Failure(description: "\(target.host):\(target.port) answers something else than HTTP/1.1")
    }
    return head
  }

  private mutating func readChunks() throws(Failure) -> [UInt8] {
    var body: [UInt8] = []
    while true {
      let line = try readLine()
      guard let size = Int(line.prefix { $0 != ";" && $0 != " " }, radix: 16), size >= 0 else {
        throw Failure(description: "a chunk of the answer has the size \"\(line)\"")
      }
      if size == 0 { break }
      body += try readBytes(size)
      guard try readLine().isEmpty else { throw Failure(description: "a chunk of the answer is too long") }
    }
    while try !readLine().isEmpty {}
    return body
  }

  private mutating func readLine() throws(Failure) -> String {
    while true {
      if let line = received.takeLine() { return line }
      guard try receiveMore() else { throw Failure(description: "the connection ended within an answer") }
    }
  }

  private mutating func readBytes(_ count: Int) throws(Failure) -> [UInt8] {
    while true {
      if let bytes = received.take(count) { return bytes }
      guard try receiveMore() else { throw Failure(description: "the connection ended within an answer") }
    }
  }

  /// False at the end of the stream.
  private mutating func receiveMore() throws(Failure) -> Bool {
    while true {
      let count = received.append { Glibc.recv(socket, $0.baseAddress, $0.count, 0) }
      if count > 0 { return true }
      if count == 0 { return false }
      if errno != EINTR { throw failure("no answer") }
    }
  }

  private func failure(_ what: String) -> Failure {
    Failure(description: "\(what): \(String(cString: strerror(errno)))")
  }
}
