import HTTPTypes
import HummingbirdTesting
import Logging
import NIOCore
import Observability
import ServiceLifecycle
import Testing

/// The probes of a worker.
@Suite(.timeLimit(.minutes(1))) struct AdminServerTests {
  /// What a path answers while the server runs as a service.
  static func get(_ path: String, readiness: @escaping AdminServer.Readiness) async throws -> (Int, String) {
    let response = try await response(to: path, readiness: readiness)
    return (Int(response.status.code), response.body.map { String(buffer: $0) } ?? "")
  }

  static func response(
    to path: String, metrics: MetricsRegistry? = nil, readiness: @escaping AdminServer.Readiness = { [] }
  ) async throws -> TestClient.Response {
    let (ports, listening) = AsyncStream<Int>.makeStream()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let server = AdminServer(
      host: "127.0.0.1", port: 0, logger: logger, metrics: metrics, readiness: readiness,
      onListening: { listening.yield($0) })
    let services = ServiceGroup(services: [server], logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      let port = try #require(await ports.first { _ in true })
      let response = try await TestClient.withClient(host: "127.0.0.1", port: port) { client in
        try await client.get(path)
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
      return response
    }
  }

  @Test("A process that lives is healthy, ready or not")
  func health() async throws {
    let reply = try await Self.get("/health") { ["no model"] }
    #expect(reply == (200, #"{"status":"ok"}"#))
  }

  @Test("It is ready when nothing is in the way")
  func ready() async throws {
    let reply = try await Self.get("/ready") { [] }
    #expect(reply == (200, #"{"status":"ready"}"#))
  }

  @Test("It names what is in the way")
  func notReady() async throws {
    let reply = try await Self.get("/ready") { ["no model", "Redis said \"no\"\n"] }
    #expect(reply == (503, #"{"status":"not ready","reasons":["no model","Redis said \"no\"\n"]}"#))
  }

  @Test("It shows the metrics as Prometheus reads them")
  func metrics() async throws {
    let registry = MetricsRegistry()
    registry.handle(for: Metric<Counter>("a_total", help: "A.")).add(3)
    let response = try await Self.response(to: "/metrics", metrics: registry)
    #expect(response.status == .ok)
    #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
    let text = try #require(response.body.map { String(buffer: $0) })
    #expect(text == "# HELP a_total A.\n# TYPE a_total counter\na_total 3\n")
  }

  @Test("Without a registry there are no metrics")
  func noMetrics() async throws {
    let reply = try await Self.get("/metrics") { [] }
    #expect(reply.0 == 404)
  }

  @Test("If its port is taken it takes any free one, where it may")
  func portInUse() async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let (ports, listening) = AsyncStream<Int>.makeStream()
    var iterator = ports.makeAsyncIterator()
    func server(port: Int, fallsBack: Bool) -> AdminServer {
      AdminServer(
        host: "127.0.0.1", port: port, fallsBack: fallsBack, logger: logger, readiness: { [] },
        onListening: { listening.yield($0) })
    }
    let first = ServiceGroup(services: [server(port: 0, fallsBack: false)], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await first.run() }
      let taken = try #require(await iterator.next())
      await #expect(throws: IOError.self) { try await server(port: taken, fallsBack: false).run() }
      let second = ServiceGroup(services: [server(port: taken, fallsBack: true)], logger: logger)
      group.addTask { try await second.run() }
      let other = try #require(await iterator.next())
      #expect(other != taken)
      await second.triggerGracefulShutdown()
      await first.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }

  @Test("It serves nothing else")
  func otherRoutes() async throws {
    let reply = try await Self.get("/generate") { [] }
    #expect(reply.0 == 404)
  }
}
