/// Where a server listens.
package struct HostAndPort: Sendable, Hashable, CustomStringConvertible {
  package let host: String
  package let port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `host`, `host:port` or `[v6]:port`; nil if it is neither.
  init?(_ text: Substring, defaultPort: Int) {
    var host = text
    var port: Substring?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let tail = text[text.index(after: end)...]
      guard tail.isEmpty || tail.hasPrefix(":") else { return nil }
      port = tail.isEmpty ? nil : tail.dropFirst()
      host = text[text.index(after: text.startIndex)..<end]
    } else if let colon = text.lastIndex(of: ":") {
      port = text[text.index(after: colon)...]
      host = text[..<colon]
      if host.contains(":") { return nil }
    }
    guard !host.isEmpty else { return nil }
    guard let number = port.map({ Int($0) }) ?? defaultPort, (1...65535).contains(number) else { return nil }
    self.init(host: String(host), port: number)
  }

  /// Reads what a node of a cluster says of another one, `host:port` with an unquoted IPv6 address. An empty host
  /// is the one that said it.
  init?(redirection text: Substring, from speaker: HostAndPort?) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65535).contains(port)
    else { return nil }
    let host = String(text[..<colon])
    guard let known = host.isEmpty || host == "?" ? speaker?.host : host else { return nil }
    self.init(host: known, port: port)
  }

  package var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
