import JobQueue
import Observability
import Testing

@testable import CLI

/// What Prometheus is told of the queue.
@Suite(.timeLimit(.minutes(1))) struct QueueMetricsTests {
  /// A queue that answers nothing, at once or ever.
  private struct LostQueue: JobQueueInspector {
    var hangs = false

    func status() async throws(JobQueueError) -> QueueStatus {
      while hangs && !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
      throw JobQueueError(.unavailable, "gone")
    }
    func ready() async throws(JobQueueError) {}
    func deadJobs(limit: Int) async throws(JobQueueError) -> [DeadJob] { [] }
    func retryDeadJobs() async throws(JobQueueError) -> Int { 0 }
    func purgeDeadJobs() async throws(JobQueueError) -> Int { 0 }
    func setPaused(_ paused: Bool) async throws(JobQueueError) {}
  }

  private static func lines(_ registry: MetricsRegistry) async -> [String] {
    String(decoding: await registry.text(), as: UTF8.self).split(separator: "\n").map { String($0) }
      .filter { !$0.hasPrefix("#") }
  }

  @Test func aQueueTellsWhatWaitsRunsAndDied() async throws {
    let queue = InMemoryJobQueue { payload in
      JobID(String(decoding: payload, as: UTF8.self)).map { JobEnvelope(id: $0) }
    }
    for (id, priority) in [("a", JobPriority.high), ("b", .default), ("c", .default), ("d", .low)] {
      _ = try await queue.submit(
        JobSubmission(id: try #require(JobID(id)), payload: Array(id.utf8), priority: priority))
    }
    let claimed = try #require(try await queue.claim(upTo: 1, waiting: .zero).first)
    try await queue.bury(claimed, id: JobID("a"), reason: "r", result: nil, replyTo: nil)
    _ = try await queue.claim(upTo: 1, waiting: .zero)
    try await queue.setPaused(true)
    let registry = MetricsRegistry()
    registry.addQueue(queue)
    let lines = await Self.lines(registry)
    for line in [
      "gpt2_queue_up 1", #"gpt2_queue_depth{priority="high"} 0"#, #"gpt2_queue_depth{priority="default"} 1"#,
      #"gpt2_queue_depth{priority="low"} 1"#, "gpt2_queue_running 1", "gpt2_queue_dead 1",
      "gpt2_queue_paused 1", "gpt2_queue_workers 1", #"gpt2_queue_events_total{event="crashes"} 0"#,
    ] {
      #expect(lines.contains(line), "\(line) is not in \(lines)")
    }
    let oldest = try #require(
      lines.first { $0.hasPrefix("gpt2_queue_oldest_seconds ") }?.split(separator: " ").last)
    #expect(try #require(Double(oldest)) > 0)
    #expect(lines.count == 6 + 3 + 8)
  }

  @Test(arguments: [false, true]) func aQueueThatCannotBeAskedIsDownAndTheRestIsShown(hangs: Bool) async {
    let registry = MetricsRegistry()
    registry.addQueue(LostQueue(hangs: hangs))
    registry.handle(for: MetricNames.httpClientsLeft).add()
    #expect(await Self.lines(registry) == ["gpt2_http_clients_left_total 1", "gpt2_queue_up 0"])
  }

  @Test func theCountsOfEventsAreThoseOfTheQueue() {
    let status = QueueStatus(
      depth: [:], running: 0, dead: 0, workers: [], paused: false, oldestWait: nil,
      counts: ["posted": 12, "recovered": 3, "new": 1])
    #expect(status.samples.contains(MetricNames.queueEvents.sample("posted", is: 12)))
    #expect(status.samples.contains(MetricNames.queueEvents.sample("recovered", is: 3)))
    #expect(!status.samples.contains(MetricNames.queueEvents.sample("new", is: 1)))
  }

  @Test func theListsOfTheQueueAreThoseOfTheMetric() {
    #expect(MetricWords.Priority.allCases.map(\.word) == JobPriority.allCases.map(\.rawValue))
  }
}
