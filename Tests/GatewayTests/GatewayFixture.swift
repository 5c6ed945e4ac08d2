import Gateway
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JobQueue
import JobWire
import Logging
import NIOCore

/// A gateway with an in-memory queue and, if wanted, something that answers its jobs.
struct GatewayFixture: Sendable {
  /// What the test's worker makes of a job.
  typealias Answer = @Sendable (JobRequest) async -> JobResult

  var configuration = GatewayConfiguration()
  var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  var queue: any JobProducer & JobQueueInspector
  let memory: InMemoryJobQueue
  /// `nil`: no worker runs, and jobs wait for ever.
  var answer: Answer?

  init(limits: QueueLimits = QueueLimits(), answer: Answer? = nil) {
    memory = InMemoryJobQueue(limits: limits, identify: Self.envelope)
    queue = memory
    self.answer = answer
  }

  static func completed(_ job: JobRequest) -> JobResult {
    JobResult(
      id: job.id ?? "", status: .completed, taskName: job.taskName, model: "gpt2",
      completion: job.prompts[0].text?.uppercased(), attempts: 1, seed: job.effectiveSeed)
  }

  func run<Value: Sendable>(
    _ setup: TestingSetup = .router, _ test: @Sendable @escaping (GatewayClient) async throws -> Value
  ) async throws -> Value {
    let application = try GatewayApplication.buildApplication(
      configuration: configuration, queue: queue,
      logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      if let answer {
        group.addTask { await work(answer) }
      }
      defer { group.cancelAll() }
      return try await application.test(setup) { try await test(GatewayClient(client: $0)) }
    }
  }

  /// Claims, starts and answers jobs until it is cancelled.
  private func work(_ answer: Answer) async {
    while !Task.isCancelled {
      for job in (try? await memory.claim(upTo: 8, waiting: .seconds(60))) ?? [] {
        guard let id = job.envelope?.id,
          let request = try? JobRequest.decode(job.payload, mode: .queue),
          case .some(.run) = try? await memory.start(job, id: id, timeToLive: nil)
        else { continue }
        _ = try? await memory.post(job, id: id, result: await answer(request).encode(), replyTo: nil)
      }
    }
  }

  private static let envelope: JobIdentifier = { payload in
    let envelope = JobRequest.peek(payload)
    guard let id = envelope.id.flatMap({ JobID($0) }) else { return nil }
    return JobEnvelope(
      id: id, replyTo: envelope.replyTo.flatMap { ReplyAddress($0) },
      timeToLive: envelope.ttlMilliseconds.map { .milliseconds($0) })
  }
}

/// Sends requests and reads JSON.
struct GatewayClient: Sendable {
  let client: any TestClientProtocol

  struct Reply: Sendable {
    let status: Int
    let headers: HTTPFields
    let text: String
    let json: JSONValue?

    /// A field of `error`.
    func error(_ name: String) -> String? { json?["error"]?[name]?.stringValue }
    func header(_ name: String) -> String? {
      headers.first { $0.name.canonicalName == name }?.value
    }
  }

  func send(
    _ method: HTTPRequest.Method, _ path: String, headers: [(String, String)] = [], body: String? = nil
  ) async throws -> Reply {
    var fields = HTTPFields()
    for (name, value) in headers {
      if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
    }
    let response = try await client.execute(
      uri: path, method: method, headers: fields, body: body.map { ByteBuffer(string: $0) })
    let bytes = Array(response.body.readableBytesView)
    return Reply(
      status: response.status.code, headers: response.headers, text: String(decoding: bytes, as: UTF8.self),
      json: try? JSONValue(parsing: bytes))
  }

  func generate(_ body: String, headers: [(String, String)] = []) async throws -> Reply {
    try await send(.post, "/generate", headers: headers, body: body)
  }
}
