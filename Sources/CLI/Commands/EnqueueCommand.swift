import ArgumentParser
import JobQueue
import JobQueueRedis
import JobWire

/// `gpt2 enqueue`: a producer that needs no gateway.
struct EnqueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enqueue",
    abstract: "Put a job on the queue, and print its id or wait for its result.")

  @OptionGroup var prompt: PromptOptions
  @Option(
    name: [.customLong("task"), .customLong("task-name")],
    help: """
      \(TaskDescription.all.map(\.name).joined(separator: " or ")); any other name, and none, completes the prompt.
      """,
    completion: .list(TaskDescription.all.map(\.name)))
  var taskName: String?
  @Option(help: "Names the job: 1 to 64 of A-Z a-z 0-9 _ -. Default: a random id.") var id: String?
  @OptionGroup(title: "Request") var options: RequestOptions
  @Flag(help: "Let the text begin with the prompt.") var echo = false
  @Option(help: "Which list the job waits in.") var priority = JobRequest.Priority.default
  @Option(
    parsing: .unconditional,
    help: """
      Drop the job if no worker begins it in so many milliseconds: \(RequestLimits.ttlMilliseconds.lowerBound) to \(RequestLimits.ttlMilliseconds.upperBound).
      """)
  var ttlMs: Int?
  @Flag(help: "Wait for the result and print it.") var wait = false
  @OptionGroup(title: "Queue") var queue: QueueOptions
  @OptionGroup(title: "Logs") var logs: LogOptions

  func run() async throws {
    let text = try prompt.read()
    let wiring = try Wiring(Settings(queue, logs), label: "gpt2.enqueue", defaultLevel: "error")
    let request = try request(after: text, limits: wiring.limits())
    guard let id = request.id.flatMap({ JobID($0) }),
      let priority = JobPriority(rawValue: request.priority.rawValue)
    else { throw ValidationError("--id must be 1 to 64 of A-Z a-z 0-9 _ -") }
    try await wiring.withProducer { producer in
      let submission = JobSubmission(id: id, payload: request.encode(), priority: priority)
      let outcome = try await producer.submit(submission)
      guard wait else { return StandardOutput.write(id.rawValue + "\n") }
      let result: [UInt8] =
        if case .finished(let result) = outcome { result } else { try await producer.waitForResult(of: id) }
      StandardOutput.write(result + Array("\n".utf8))
      if (try? JobResult.decode(result))?.status != .completed { throw ExitCode.failure }
    }
  }

  private func request(after prompt: String, limits: RequestLimits) throws -> JobRequest {
    try options.request(
      id: id ?? "cli-" + String(UInt64.random(in: .min ... .max), radix: 36), prompt: prompt,
      others: [
        ("task_name", taskName.map { .string($0) }), ("echo", echo ? .bool(true) : nil),
        ("priority", .string(priority.rawValue)), ("ttl_ms", ttlMs.map { .integer(Int64($0)) }),
      ], limits: limits)
  }
}

extension JobRequest.Priority: ExpressibleByArgument {}
