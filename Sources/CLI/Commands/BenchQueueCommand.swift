import ArgumentParser
import JobQueue
import JobQueueRedis
import JobWire

/// `gpt2 bench queue`: what the queue costs a job.
struct BenchQueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Measure the queue on Redis with jobs that do nothing.",
    discussion: """
      A producer, as a gateway has it, and a worker whose tasks answer at once, both in this process and with \
      their own connections. First one job at a time: the round trips. Then all jobs, with a window of them \
      under way: the rate. Beside it stands what redis-benchmark reaches on the same server, if it is installed. \
      It works in a namespace of its own, whose keys are removed at the end.
      """)

  @Option(parsing: .unconditional, help: "How many jobs.") var jobs = 20_000
  @Option(parsing: .unconditional, help: "How many jobs are under way at the same time.") var window = 512
  @Option(parsing: .unconditional, help: "How many round trips are timed, one after the other.")
  var roundTrips = 1_000
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup(title: "Queue") var queue: QueueOptions
  @OptionGroup(title: "Logs") var logs: LogOptions

  func validate() throws {
    guard (1...100_000_000).contains(jobs) else {
      throw ValidationError("--jobs is \(jobs); allowed are 1 to 100000000")
    }
    guard (1...65536).contains(window) else {
      throw ValidationError("--window is \(window); allowed are 1 to 65536")
    }
    guard (1...1_000_000).contains(roundTrips) else {
      throw ValidationError("--round-trips is \(roundTrips); allowed are 1 to 1000000")
    }
  }

  func run() async throws {
    let wiring = try Wiring(Settings(queue, logs), label: "gpt2.bench", defaultLevel: "error")
    var configuration = try wiring.redis()
    let baseline = await RedisBaseline.measure(configuration.endpoint)
    configuration.namespace = "gpt2-bench-\(UInt32.random(in: .min ... .max))"
    configuration.limits.capacity = max(window * 2, configuration.limits.capacity)
    let benchmark = QueueBenchmark(configuration: configuration, logger: wiring.logger)
    let figures = QueueFigures(
      try await benchmark.run(jobs: jobs, window: window, roundTrips: roundTrips), baseline: baseline)
    StandardOutput.write(
      json ? String(decoding: figures.json.encoded, as: UTF8.self) + "\n" : figures.table)
  }
}
