import Foundation
import JobWire
import RedisTestServer
import ServiceUnderTest
import Testing

/// A running service in one of its two wirings: the same scenarios have to hold for both.
final class Service: Sendable {
  enum Wiring: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case embedded, redis

    var testDescription: String { rawValue }
  }

  let url: String
  let redis: RedisTestServer?
  private let programs: [Program]

  /// - Parameter persists: whether Redis keeps its data when it crashes.
  init(
    _ wiring: Wiring, workers: Int = 2, persists: Bool = true, environment: [String: String] = [:]
  ) async throws {
    switch wiring {
    case .embedded:
      redis = nil
      let program = try Program(["serve", "--port", "0"], environment: environment)
      programs = [program]
      url = try await Self.address(of: program)
    case .redis:
      let redis = try RedisTestServer(appendOnly: persists)
      self.redis = redis
      let environment = environment.merging(["REDIS_URL": redis.url]) { given, _ in given }
      let gateway = try Program(["gateway", "--port", "0"], environment: environment)
      let others = try (0..<workers).map { _ in try Self.worker(redis, environment) }
      programs = [gateway] + others
      url = try await Self.address(of: gateway)
      for worker in others { _ = await worker.line(containing: "model loaded") }
    }
  }

  static func worker(_ redis: RedisTestServer, _ environment: [String: String] = [:]) throws -> Program {
    try Program(
      ["worker"], environment: ["REDIS_URL": redis.url].merging(environment) { $1 })
  }

  static func address(of program: Program) async throws -> String {
    guard let line = await program.line(containing: "listening on http://"),
      let range = line.firstRange(of: #/http://127\.0\.0\.1:\d+/#)
    else { throw ChildProcess.Failure(description: "the gateway did not start:\n\(program.output)") }
    return String(line[range])
  }

  /// `POST /generate` with curl, as users do it.
  func generate(_ body: String, headers: [String] = []) async throws -> (status: Int, body: String) {
    try await request("/generate", ["--data-binary", "@-"] + headers.flatMap { ["-H", $0] }, input: body)
  }

  func result(_ body: String) async throws -> JobResult {
    let (status, text) = try await generate(body)
    #expect(status == 200, "\(text)")
    return try JobResult.decode(Array(text.utf8))
  }

  func request(
    _ path: String, _ arguments: [String] = [], input: String = ""
  ) async throws -> (status: Int, body: String) {
    let (_, output, errors) = try await ChildProcess.run(
      ["/usr/bin/curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", url + path] + arguments,
      input: input)
    var lines = output.components(separatedBy: "\n")
    guard let status = Int(lines.removeLast()), status > 0 else {
      throw ChildProcess.Failure(description: "curl: \(errors)")
    }
    return (status, lines.joined(separator: "\n"))
  }

  /// Waits until the service says that it could serve a job.
  func waitUntilReady() async throws {
    while try await request("/ready").status != 200 { await Task.yield() }
  }
}
