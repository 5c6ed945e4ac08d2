package import JobQueue

/// The address of a Redis server and who we are there.
package struct RedisEndpoint: Sendable, Equatable, CustomStringConvertible {
  package enum Address: Sendable, Equatable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  package var address = Address.tcp(host: "127.0.0.1", port: 6379)
  /// Nil for Redis's `default` user.
  package var user: String?
  package var password: String?
  package var database = 0

  package init() {}

  /// Reads `redis://[user[:password]@]host[:port][/database]` or `redis+unix://[user[:password]@]/path`.
  ///
  /// - Throws: `invalidConfiguration`; the message never repeats the password.
  package init(url: String) throws(JobQueueError) {
    guard let separator = url.firstRange(of: "://") else { throw Self.invalid("has no scheme") }
    let rest = url[separator.upperBound...]
    // A path may contain @ as well; credentials come before it.
    let at = rest.hasPrefix("/") ? nil : rest.lastIndex(of: "@")
    if let at { try readCredentials(rest[..<at]) }
    let location = at.map { rest[rest.index(after: $0)...] } ?? rest

    switch url[..<separator.lowerBound] {
    case "redis": try readHost(location)
    case "redis+unix", "unix":
      guard location.hasPrefix("/") else { throw Self.invalid("must name the socket by an absolute path") }
      address = .unix(path: String(location))
    case "rediss":
      throw Self.invalid(
        "asks for TLS, which is not built in; use a Unix socket or a private network, or let a TLS proxy "
          + "(stunnel, ghostunnel, Envoy) listen on a local port and name that one with redis://")
    case let scheme: throw Self.invalid("has the unknown scheme \(scheme)")
    }
  }

  /// The address without credentials, for logs.
  package var description: String {
    switch address {
    case .tcp(let host, let port): "redis://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
    case .unix(let path): "redis+unix://\(path)"
    }
  }

  private mutating func readCredentials(_ text: Substring) throws(JobQueueError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let user = try Self.percentDecoded(parts[0])
    self.user = user.isEmpty ? nil : user
    if parts.count == 2 { password = try Self.percentDecoded(parts[1]) }
    if self.user != nil, password == nil { throw Self.invalid("names a user but no password") }
  }

  private mutating func readHost(_ text: Substring) throws(JobQueueError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2, !parts[1].isEmpty {
      guard let number = Int(parts[1]), number >= 0 else {
        throw Self.invalid("has the database \(parts[1]); a number is expected")
      }
      database = number
    }
    var host = parts[0]
    var port: Substring?
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      let tail = host[host.index(after: end)...]
      guard tail.isEmpty || tail.hasPrefix(":") else { throw Self.invalid("has the malformed host \(host)") }
      port = tail.isEmpty ? nil : tail.dropFirst()
      host = host[host.index(after: host.startIndex)..<end]
    } else if let colon = host.firstIndex(of: ":") {
      port = host[host.index(after: colon)...]
      host = host[..<colon]
    }
    guard !host.isEmpty, !host.contains(":") || text.hasPrefix("[") else {
      throw Self.invalid("has no valid host; an IPv6 address is written in brackets")
    }
    var number = 6379
    if let port {
      guard let parsed = Int(port), (1...65535).contains(parsed) else {
        throw Self.invalid("has the port \(port); 1 to 65535 is allowed")
      }
      number = parsed
    }
    address = .tcp(host: String(host), port: number)
  }

  private static func percentDecoded(_ text: Substring) throws(JobQueueError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let digits = String(rest.prefix(2)), let value = UInt8(digits, radix: 16), digits.count == 2
      else {
        throw invalid("has a percent sign in the user or password that is not followed by two hex digits")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func invalid(_ problem: String) -> JobQueueError {
    JobQueueError(
      .invalidConfiguration,
      "REDIS_URL \(problem); expected redis://[user:password@]host[:port][/database] or "
        + "redis+unix:///path/to/socket")
  }
}
