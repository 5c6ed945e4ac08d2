import Foundation
import Glibc
import ServiceUnderTest
import Synchronization

/// Carries connections to a port of this machine, and does to them what networks do.
final class FaultyProxy: Sendable {
  private struct State {
    var delay = 0
    var isPartitioned = false
    var isSilent = false
    var isClosed = false
    var connections: [Int32: Int32] = [:]
  }

  let port: Int
  private let target: Int
  private let listener: Int32
  private let state = Mutex(State())

  init(to target: Int) throws {
    self.target = target
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = Self.loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    guard isBound else { throw ChildProcess.Failure(description: "the proxy can't listen") }
    Thread.detachNewThread { [self] in accept() }
  }

  /// Ends the proxy; its thread keeps it until then.
  func close() {
    state.withLock { $0.isClosed = true }
    shutdown(listener, Int32(SHUT_RDWR))
    cut()
  }

  /// Every piece of data takes up to so many milliseconds longer.
  func delay(milliseconds: Int) { state.withLock { $0.delay = milliseconds } }

  /// While it is partitioned nothing is carried; afterwards it is, late, as TCP does it.
  func partition(_ isPartitioned: Bool) { state.withLock { $0.isPartitioned = isPartitioned } }

  /// While it is silent, commands are carried and their answers aren't; these come afterwards.
  func silence(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }

  /// Ends all connections at once, with what is on its way.
  func cut() {
    for (client, server) in state.withLock({ $0.connections }) {
      shutdown(client, Int32(SHUT_RDWR))
      shutdown(server, Int32(SHUT_RDWR))
    }
  }

  /// The clients' commands still arrive, their answers don't come back any more.
  func halfClose() {
    for client in state.withLock({ $0.connections.keys }) { shutdown(client, Int32(SHUT_WR)) }
  }

  private func accept() {
    while true {
      let client = Glibc.accept(listener, nil, nil)
      if client < 0 {
        if state.withLock({ $0.isClosed }) { break }
        continue
      }
      _ = fcntl(client, F_SETFD, FD_CLOEXEC)
      Thread.detachNewThread { [self] in serve(client) }
    }
    Glibc.close(listener)
  }

  private func serve(_ client: Int32) {
    waitWhilePartitioned()
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = Self.loopback(port: target)
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else {
      Glibc.close(client)
      Glibc.close(server)
      return
    }
    for end in [client, server] {
      var one: Int32 = 1
      setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
    state.withLock { $0.connections[client] = server }
    let isOther = DispatchSemaphore(value: 0)
    Thread.detachNewThread { [self] in
      pump(from: server, to: client, isAnswers: true)
      isOther.signal()
    }
    pump(from: client, to: server, isAnswers: false)
    isOther.wait()
    state.withLock { $0.connections[client] = nil }
    Glibc.close(client)
    Glibc.close(server)
  }

  private func pump(from source: Int32, to target: Int32, isAnswers: Bool) {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(source, &buffer, buffer.count, 0)
      if count <= 0 { break }
      waitWhilePartitioned()
      while isAnswers, state.withLock({ $0.isSilent && !$0.isClosed }) { usleep(5_000) }
      let delay = state.withLock { $0.delay }
      if delay > 0 { usleep(UInt32.random(in: 0...UInt32(delay * 1000))) }
      var sent = 0
      while sent < count {
        let written = buffer[sent..<count].withUnsafeBytes {
          send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if written <= 0 { break }
        sent += written
      }
      if sent < count { break }
    }
    shutdown(target, Int32(SHUT_RDWR))
    shutdown(source, Int32(SHUT_RDWR))
  }

  private func waitWhilePartitioned() {
    while state.withLock({ $0.isPartitioned && !$0.isClosed }) { usleep(5_000) }
  }

  private static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }
}
