package import JobQueue

/// The address of Redis and who we are there.
package struct RedisEndpoint: Sendable, Equatable, CustomStringConvertible {
  package enum Address: Sendable, Equatable {
    case tcp(HostAndPort)
    case unix(path: String)
    /// The primary that the sentinels name.
    case sentinel([HostAndPort], name: String)
    /// Some nodes of a cluster; the others are learned from them.
    case cluster([HostAndPort])
  }

  private static let port = 6379
  private static let sentinelPort = 26379

  package var address = Address.tcp(HostAndPort(host: "127.0.0.1", port: port))
  /// Nil for Redis's `default` user.
  package var user: String?
  package var password: String?
  package var database = 0

  package init() {}

  /// Reads `redis://[user[:password]@]host[:port][/database]`, `redis+unix://[user[:password]@]/path`,
  /// `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/name[/database]` or
  /// `redis+cluster://[user[:password]@]host[:port][,host[:port]…]`.
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
    case "redis+sentinel": try readSentinels(location)
    case "redis+cluster":
      let nodes = location.hasSuffix("/") ? location.dropLast() : location
      address = .cluster(try Self.hosts(nodes, defaultPort: Self.port))
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
    case .tcp(let server): "redis://\(server)/\(database)"
    case .unix(let path): "redis+unix://\(path)"
    case .sentinel(let sentinels, let name): "redis+sentinel://\(Self.list(sentinels))/\(name)/\(database)"
    case .cluster(let nodes): "redis+cluster://\(Self.list(nodes))"
    }
  }

  private static func list(_ hosts: [HostAndPort]) -> String {
    hosts.map(\.description).joined(separator: ",")
  }

  private mutating func readCredentials(_ text: Substring) throws(JobQueueError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let user = try Self.percentDecoded(parts[0])
    self.user = user.isEmpty ? nil : user
    if parts.count == 2 { password = try Self.percentDecoded(parts[1]) }
  }

  private mutating func readHost(_ text: Substring) throws(JobQueueError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { try readDatabase(parts[1]) }
    address = .tcp(try Self.host(parts[0], defaultPort: Self.port))
  }

  private mutating func readSentinels(_ text: Substring) throws(JobQueueError) {
    let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, !parts[1].isEmpty else {
      throw Self.invalid("must name the primary as the sentinels do, behind a slash")
    }
    if parts.count == 3 { try readDatabase(parts[2]) }
    address = .sentinel(try Self.hosts(parts[0], defaultPort: Self.sentinelPort), name: String(parts[1]))
  }

  private mutating func readDatabase(_ text: Substring) throws(JobQueueError) {
    if text.isEmpty { return }
    guard let number = Int(text), number >= 0 else {
      throw Self.invalid("has the database \(text); a number is expected")
    }
    database = number
  }

  private static func hosts(_ text: Substring, defaultPort: Int) throws(JobQueueError) -> [HostAndPort] {
    var hosts: [HostAndPort] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      hosts.append(try host(part, defaultPort: defaultPort))
    }
    return hosts
  }

  private static func host(_ text: Substring, defaultPort: Int) throws(JobQueueError) -> HostAndPort {
    guard let host = HostAndPort(text, defaultPort: defaultPort) else {
      throw invalid(
        "has the server \(text); expected is a host, and perhaps a colon and a port of 1 to 65535, with an IPv6 "
          + "address in brackets")
    }
    return host
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
      "REDIS_URL \(problem); expected redis://[user:password@]host[:port][/database], "
        + "redis+unix:///path/to/socket, redis+sentinel://host[:port][,…]/name or "
        + "redis+cluster://host[:port][,…]")
  }
}
