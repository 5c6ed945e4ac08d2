import Glibc

/// One blocking `GET` over plain HTTP, for a health check that is to start and end within milliseconds.
struct HTTPProbe {
  struct Answer {
    let status: Int
    let body: String
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let host: String
  let port: String
  let path: String

  /// Nil unless the URL is `http://host[:port][/path]`.
  init?(_ url: String) {
    guard url.hasPrefix("http://") else { return nil }
    let rest = url.dropFirst("http://".count)
    let authority = rest.prefix { $0 != "/" }
    let path = String(rest.dropFirst(authority.count))
    let host: Substring
    var port: Substring = "80"
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      host = authority[authority.index(after: authority.startIndex)..<end]
      let suffix = authority[authority.index(after: end)...]
      if suffix.hasPrefix(":") { port = suffix.dropFirst() } else if !suffix.isEmpty { return nil }
    } else {
      let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else { return nil }
      host = parts[0]
      if parts.count == 2 { port = parts[1] }
    }
    guard !host.isEmpty, let number = Int(port), (1...65535).contains(number) else { return nil }
    self.host = String(host)
    self.port = String(number)
    self.path = path.isEmpty ? "/" : path
  }

  /// Waits at most `timeout` seconds for each step of the exchange.
  func get(timeout: Double) throws -> Answer {
    let socket = try connected(timeout: timeout)
    defer { close(socket) }
    let request = "GET \(path) HTTP/1.1\r\nHost: \(host.urlHost):\(port)\r\nConnection: close\r\n\r\n"
    let sent = Array(request.utf8).withUnsafeBytes {
      send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    guard sent == request.utf8.count else { throw failure("no request could be sent") }
    return try answer(from: receiveAll(socket))
  }

  /// A socket whose every step waits at most `timeout` seconds.
  func connected(timeout: Double) throws -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, port, &hints, &list)
    guard code == 0, let list else {
      throw Failure(description: "\(host): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(list) }
    var next: UnsafeMutablePointer<addrinfo>? = list
    while let address = next?.pointee {
      let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
      var limit = timeval(
        tv_sec: Int(timeout), tv_usec: Int((timeout - timeout.rounded(.down)) * 1_000_000))
      let size = socklen_t(MemoryLayout<timeval>.size)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
      setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
      if connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
      next = address.ai_next
      if next == nil {
        let error = failure("no connection")
        close(descriptor)
        throw error
      }
      close(descriptor)
    }
    throw Failure(description: "\(host) has no address")
  }

  private func receiveAll(_ socket: Int32) throws -> [UInt8] {
    var received: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while received.count < 1 << 20 {
      let count = recv(socket, &chunk, chunk.count, 0)
      guard count >= 0 else { throw failure("no answer") }
      if count == 0 { break }
      received += chunk[..<count]
    }
    return received
  }

  private func answer(from bytes: [UInt8]) throws -> Answer {
    let text = String(decoding: bytes, as: UTF8.self)
    let words = text.prefix { $0 != "\r\n" && $0 != "\n" }.split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/"), let status = Int(words[1]) else {
      throw Failure(description: "\(host):\(port) answers something else than HTTP")
    }
    let body = text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? ""
    return Answer(status: status, body: body)
  }

  private func failure(_ what: String) -> Failure {
    Failure(
      description: "\(what) to http://\(host.urlHost):\(port)\(path): \(String(cString: strerror(errno)))")
  }
}
