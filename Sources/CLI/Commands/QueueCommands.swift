import ArgumentParser
import JobQueue
import JobQueueRedis
import JobWire

/// `gpt2 queue`: the queue for the people who run it.
struct QueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Look at the queue on Redis and operate it.",
    subcommands: [Status.self, Dead.self, Retry.self, Purge.self, Pause.self, Resume.self])

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What waits, runs and died, and who works.",
      discussion: """
        With --watch on a terminal it is a table that stays in its place; elsewhere, and with --json, one look \
        follows the other. Without Redis it says so and goes on once Redis is back. ^C ends it, with exit status 130.
        """)

    @Flag(help: "Print JSON; with --watch one line a look.") var json = false
    @Option(
      defaultAsFlag: 2.0,
      help: ArgumentHelp("Look again every so many seconds: 0.1 to 3600.", valueName: "seconds"))
    var watch: Double?
    @OptionGroup var common: Common

    func validate() throws {
      if let watch, !(0.1...3600).contains(watch) {
        throw ValidationError("--watch is \(watch); allowed are 0.1 to 3600 seconds")
      }
    }

    func run() async throws {
      let wiring = try common.wiring()
      if let watch {
        let watching = QueueWatch(interval: .seconds(watch), json: json)
        // A Redis that answers nothing must not keep a person waiting.
        return try await StoppableWork.run(grace: .milliseconds(500)) { _ in
          try await wiring.withProducer { try await watching.run($0) }
        }
      }
      try await wiring.withProducer { queue in
        let status = try await queue.status()
        StandardOutput.write(
          json ? String(decoding: status.json.encoded, as: UTF8.self) + "\n" : status.table)
      }
    }
  }

  struct Dead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The newest dead jobs, each with its reason.")

    @Option(parsing: .unconditional, help: "How many: 1 to \(Self.limits.upperBound).") var limit = 20
    @OptionGroup var common: Common

    private static let limits = 1...1_000_000

    func validate() throws {
      guard Self.limits.contains(limit) else {
        throw ValidationError("--limit is \(limit); allowed are 1 to \(Self.limits.upperBound)")
      }
    }

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
        StandardOutput.write("put back: \(try await queue.retryDeadJobs())\n")
      }
    }
  }

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Empty the dead list.")

    @OptionGroup var common: Common

    func run() async throws {
      try await common.wiring().withProducer { queue in
        StandardOutput.write("removed: \(try await queue.purgeDeadJobs())\n")
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

    func wiring() throws -> Wiring {
      try Wiring(Settings(queue, logs), label: "gpt2.queue", defaultLevel: "error")
    }
  }
}
