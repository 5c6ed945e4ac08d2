import Testing

@testable import CLI

@Suite struct HTTPProbeTests {
  @Test(arguments: [
    ("http://127.0.0.1:8080/ready", "127.0.0.1", "8080", "/ready"),
    ("http://gateway/health?x=1", "gateway", "80", "/health?x=1"),
    ("http://localhost:9100", "localhost", "9100", "/"),
    ("http://[::1]:8080/a/b", "::1", "8080", "/a/b"),
  ])
  func aURLIsTakenApart(url: String, host: String, port: String, path: String) throws {
    let probe = try #require(HTTPProbe(url))
    #expect(probe.host == host)
    #expect(probe.port == port)
    #expect(probe.path == path)
  }

  @Test(arguments: [
    "https://a/", "ftp://a", "http://", "http://:80/", "http://a:b/", "http://a:0/", "http://a:70000/",
    "http://a:1:2/",
    "http://[::1/x", "a", "",
  ])
  func anythingElseIsRefused(url: String) {
    #expect(HTTPProbe(url) == nil)
  }

  @Test func aPortWhereNobodyListensIsAnErrorThatNamesIt() throws {
    let probe = try #require(HTTPProbe("http://127.0.0.1:1/ready"))
    let error = #expect(throws: HTTPProbe.Failure.self) { try probe.get(timeout: 1) }
    #expect(error?.description.contains("127.0.0.1:1/ready") == true)
  }
}
