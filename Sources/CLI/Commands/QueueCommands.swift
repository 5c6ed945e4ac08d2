import ArgumentParser
import JobQueue
import JobQueueRedis
import JobWire

/// `gpt2 enqueue`: a producer that needs no gateway.
struct EnqueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enqueue",
    abstract: "Put a job on the queue, and print its id or wait for its result.")

  @Option(help: "The text to complete or to label.") var prompt: String
  @Option(name: [.customLong("task"), .customLong("task-name")], help: "spam, got, or nothing.") var taskName:
    String?
  @Option(help: "Names the job; default: a random id.") var id: String?
  @Option(help: "How many tokens to add.") var maxNewTokens: Int?
  @Option(help: "0 is greedy.") var temperature: Double?
  @Option(help: "Only the k most likely tokens; 0: off.") var topK: Int?
  @Option(help: "Only the most likely tokens that reach this probability together; 1: off.") var topP: Double?
  @Option(help: "Stop before this text; may be given up to 8 times.") var stop: [String] = []
  @Option(help: "The same seed gives the same text; default: from the id.") var seed: Int64?
  @Option(help: "high, default or low.") var priority: String?
  @Option(help: "Drop the job if no worker begins it in so many milliseconds.") var ttlMs: Int?
  @Flag(help: "Wait for the result and print it.") var wait = false
  @OptionGroup(title: "Queue") var queue: QueueOptions
  @OptionGroup(title: "Logs") var logs: LogOptions

  func run() async throws {
    let wiring = try Wiring(try await Settings(queue, logs), label: "gpt2.enqueue", defaultLevel: "error")
    let request = try request(limits: wiring.limits())
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

  /// Checked as a job on the queue would be.
  private func request(limits: RequestLimits) throws -> JobRequest {
    let fields = JSONValue.fields([
      ("id", .string(id ?? "cli-" + String(UInt64.random(in: .min ... .max), radix: 36))),
      ("prompt", .string(prompt)), ("task_name", taskName.map { .string($0) }),
      ("max_new_tokens", maxNewTokens.map { .integer(Int64($0)) }),
      ("temperature", temperature.map { .double($0) }), ("top_k", topK.map { .integer(Int64($0)) }),
      ("top_p", topP.map { .double($0) }), ("stop", stop.isEmpty ? nil : .array(stop.map { .string($0) })),
      ("seed", seed.map { .integer($0) }), ("priority", priority.map { .string($0) }),
      ("ttl_ms", ttlMs.map { .integer(Int64($0)) }),
    ])
    do {
      return try JobRequest.decode(fields.encoded, mode: .queue, limits: limits)
    } catch {
      throw ValidationError(error.message)
    }
  }
}

/// `gpt2 queue`: the queue for the people who run it.
struct QueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Look at the queue on Redis and operate it.",
    subcommands: [Status.self, Dead.self, Retry.self, Purge.self, Pause.self, Resume.self])

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What waits, runs and died, and who works.")

    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: Common

    func run() async throws {
      try await common.wiring().withProducer { queue in
        let status = try await queue.status()
        let json = json
        StandardOutput.write(
          json ? String(decoding: status.json.encoded, as: UTF8.self) + "\n" : status.table)
      }
    }
  }

  struct Dead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The newest dead jobs, each with its reason.")

    @Option(help: "How many.") var limit = 20
    @OptionGroup var common: Common

    func run() async throws {
      try await common.wiring().withProducer { queue in
        for job in try await queue.deadJobs(limit: limit) {
          StandardOutput.write("\(job.id?.rawValue ?? "-")\t\(job.priority.rawValue)\t\(job.reason)\n")
        }
      }
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Put all dead jobs back into their lists.")

    @OptionGroup var common: Common

    func run() async throws {
      try await common.wiring().withProducer { queue in
        StandardOutput.write("\(try await queue.retryDeadJobs()) jobs were put back\n")
      }
    }
  }

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Empty the dead list.")

    @OptionGroup var common: Common

    func run() async throws {
      try await common.wiring().withProducer { queue in
        StandardOutput.write("\(try await queue.purgeDeadJobs()) dead jobs were removed\n")
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let no worker claim a job until resume.")

    @OptionGroup var common: Common

    func run() async throws {
      try await common.wiring().withProducer { try await $0.setPaused(true) }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let workers claim jobs again.")

    @OptionGroup var common: Common

    func run() async throws {
      try await common.wiring().withProducer { try await $0.setPaused(false) }
    }
  }

  /// What all of these need.
  struct Common: ParsableArguments {
    @OptionGroup(title: "Queue") var queue: QueueOptions
    @OptionGroup(title: "Logs") var logs: LogOptions

    func wiring() async throws -> Wiring {
      try Wiring(try await Settings(queue, logs), label: "gpt2.queue", defaultLevel: "error")
    }
  }
}
