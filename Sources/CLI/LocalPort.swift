import Glibc

/// A port of this machine.
struct LocalPort {
  /// Why no server can listen there.
  enum Obstacle: Equatable {
    /// The host names no address of this machine.
    case host(reason: String)
    case portInUse
    case port(reason: String)
  }

  let host: String
  /// 0: any free one.
  let port: Int

  /// What keeps a server from listening there at this moment; nil if nothing does.
  var obstacle: Obstacle? {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0, let address = list?.pointee else {
      return .host(reason: String(cString: gai_strerror(code)))
    }
    defer { freeaddrinfo(list) }
    let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
    guard descriptor >= 0 else { return Self.obstacle(errno) }
    defer { close(descriptor) }
    // As a server does, so that connections that were closed a moment ago do not count.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, 1) == 0 else {
      return Self.obstacle(errno)
    }
    return nil
  }

  private static func obstacle(_ code: Int32) -> Obstacle {
    let reason = String(cString: strerror(code))
    switch code {
    case EADDRINUSE: return .portInUse
    case EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL: return .host(reason: reason)
    default: return .port(reason: reason)
    }
  }
}
