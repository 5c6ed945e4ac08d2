import Glibc
import Testing

@testable import CLI

@Suite struct LocalPortTests {
  @Test func aFreePortHasNoObstacle() {
    #expect(LocalPort(host: "127.0.0.1", port: 0).obstacle == nil)
  }

  @Test func aPortOnWhichAnotherListensIsInUse() throws {
    let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(other) }
    try #require(listen(other, 1) == 0)
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(other, $0, &size) }
    }
    let port = Int(UInt16(bigEndian: address.sin_port))
    #expect(LocalPort(host: "127.0.0.1", port: port).obstacle == .portInUse)
  }

  /// Not a name, and an address for documentation (RFC 5737).
  @Test(arguments: ["no host", "192.0.2.1"]) func whatIsNoAddressOfThisMachineIsTheHostsFault(host: String) {
    guard case .host? = LocalPort(host: host, port: 8080).obstacle else {
      Issue.record("\(host): \(String(describing: LocalPort(host: host, port: 8080).obstacle))")
      return
    }
  }

  @Test func anIPv6AddressIsInBracketsInAURL() {
    #expect("::1".urlHost == "[::1]")
    #expect("127.0.0.1".urlHost == "127.0.0.1")
  }
}
