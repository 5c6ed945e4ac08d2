import Glibc
import Synchronization
import Testing

@testable import CLI

@Suite struct HTTPConnectionTests {
  /// A server that takes one connection and answers each request with the next of these texts.
  private struct Server {
    let target: HTTPProbe
    private let listener: Int32

    init() throws {
      listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let listener = listener
      let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(listener, $0, size) == 0 && listen(listener, 1) == 0 ? getsockname(listener, $0, &size) : -1
        }
      }
      try #require(status == 0)
      target = try #require(HTTPProbe("http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/generate"))
    }

    func answer(_ answers: [String]) {
      let connection = accept(listener, nil, nil)
      defer {
        close(connection)
        close(listener)
      }
      for answer in answers {
        var request: [UInt8] = []
        while !request.suffix(6).elementsEqual("{body}".utf8) {
          var chunk = [UInt8](repeating: 0, count: 4096)
          let count = recv(connection, &chunk, chunk.count, 0)
          if count <= 0 { return }
          request += chunk[..<count]
        }
        // In pieces, as a network may deliver it.
        for byte in answer.utf8 {
          _ = withUnsafeBytes(of: byte) { send(connection, $0.baseAddress, 1, Int32(MSG_NOSIGNAL)) }
        }
      }
    }
  }

  private struct Exchange {
    var bodies: [String] = []
    var statuses: [Int] = []
    var isOpen = false
  }

  /// What came of as many requests as there are answers; it ends early where the connection does.
  private func exchange(_ answers: [String]) throws -> Exchange {
    let server = try Server()
    let results = Results()
    try ThreadTeam.run(2) { index in
      if index == 0 { return server.answer(answers) }
      let result = Result { try Self.post(answers.count, to: server.target) }
      results.exchange.withLock { $0 = result }
    }
    return try #require(results.exchange.withLock { $0 }).get()
  }

  private final class Results: Sendable {
    let exchange = Mutex<Result<Exchange, any Error>?>(nil)
  }

  private static func post(_ count: Int, to target: HTTPProbe) throws -> Exchange {
    var connection = try HTTPConnection(to: target, headers: "x-api-key: k\r\n", timeout: 10)
    var exchange = Exchange()
    for _ in 0..<count where connection.isOpen {
      let answer = try connection.post(Array("{body}".utf8))
      exchange.bodies.append(String(decoding: answer.body, as: UTF8.self))
      exchange.statuses.append(answer.status)
    }
    exchange.isOpen = connection.isOpen
    return exchange
  }

  @Test func severalRequestsShareAConnection() throws {
    let result = try exchange([
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst",
      "HTTP/1.1 422 Unprocessable\r\ncontent-length:0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird",
    ])
    #expect(result.bodies == ["first", "", "third"])
    #expect(result.statuses == [200, 422, 200])
    #expect(result.isOpen)
  }

  @Test func aBodyInChunksIsPutTogether() throws {
    let result = try exchange([
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\none\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext",
    ])
    #expect(result.bodies == ["one0123456789", "next"])
  }

  @Test func aServerThatClosesIsBelieved() throws {
    let closing = try exchange([
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast", "unused",
    ])
    #expect(closing.bodies == ["last"])
    #expect(!closing.isOpen)
    let endless = try exchange(["HTTP/1.0 200 OK\r\n\r\nuntil the end"])
    #expect(endless.bodies == ["until the end"])
    #expect(!endless.isOpen)
  }

  @Test func anInterimAnswerIsSkipped() throws {
    let result = try exchange([
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ])
    #expect(result.bodies == ["ok"])
    #expect(result.statuses == [200])
  }

  @Test(arguments: [
    "SMTP ready\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  ])
  func whatIsNoAnswerIsAnError(answer: String) {
    #expect(throws: HTTPConnection.Failure.self) { try exchange([answer]) }
  }
}
