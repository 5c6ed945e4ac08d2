import JobQueue
import Observability

/// The table of `gpt2 queue status --watch`, as lines of text.
struct QueueScreen {
  let observation: QueueObservation
  /// The time of day.
  let clock: String
  let now: ContinuousClock.Instant

  func lines() -> [ScreenLine] {
    var lines = [ScreenLine("gpt2 queue, \(clock)", .heading)]
    if let failure = observation.failure {
      lines.append(ScreenLine("\(failure.message.printableASCII); trying again\(age(failure))", .alarm))
    }
    guard let status = observation.status else { return lines }
    if status.paused {
      lines.append(ScreenLine("paused: workers claim nothing until `gpt2 queue resume`", .alarm))
    }
    lines.append("")
    lines += depth(of: status)
    lines.append("")
    lines += counts(of: status)
    lines.append("")
    lines += workers(of: status)
    guard observation.failure != nil else { return lines }
    // What was seen before is not what is now.
    return lines.map { $0.style == .plain ? ScreenLine($0.text, .faint) : $0 }
  }

  private func age(_ failure: QueueObservation.Failure) -> String {
    var text = " for \(seconds(now - failure.since))"
    if let seen = observation.seen { text += "; below is what was seen \(seconds(now - seen)) ago" }
    return text
  }

  private func depth(of status: QueueStatus) -> [ScreenLine] {
    TextTable(
      columns: [.left("waiting")] + JobPriority.allCases.map { .right($0.rawValue) }
        + [.right("oldest"), .right("running"), .right("dead")],
      rows: [
        [""] + JobPriority.allCases.map { "\(status.depth[$0] ?? 0)" }
          + [status.oldestWait.map(seconds) ?? "-", "\(status.running)", "\(status.dead)"]
      ]
    ).lines
  }

  private func counts(of status: QueueStatus) -> [ScreenLine] {
    // All known ones from the beginning, so that no column appears later and moves the others.
    let known = MetricWords.QueueEvent.allCases.map(\.word)
    let events = known + status.counts.keys.filter { !known.contains($0) }.sorted()
    return TextTable(
      columns: [.left("events")] + events.map { .right($0.printableASCII) },
      rows: [
        ["in total"] + events.map { "\(status.counts[$0] ?? 0)" },
        ["a second"] + events.map { observation.rate(of: $0)?.fixed(1) ?? "-" },
      ]
    ).lines
  }

  private func workers(of status: QueueStatus) -> [ScreenLine] {
    let alive = status.workers.filter(\.alive)
    let speed = alive.compactMap { $0.info[WorkerInfo.tokensPerSecond].flatMap(Double.init) }.reduce(0, +)
    let title = ScreenLine(
      "workers: \(alive.count) alive of \(status.workers.count), \(speed.fixed(1)) tokens a second", .heading)
    guard !status.workers.isEmpty else { return [title] }
    return [title]
      + TextTable(
        columns: [
          .left("worker"), .left("state"), .right("last beat"), .right("tokens/s"), .right("jobs"),
          .left("model"), .left("runs"),
        ],
        rows: status.workers.sorted { $0.id < $1.id }.map(row)
      ).lines
  }

  private func row(_ worker: WorkerStatus) -> [String] {
    let jobs = worker.info[WorkerInfo.jobs].map { $0.split(separator: ",").joined(separator: " ") } ?? ""
    return [
      worker.id, worker.alive ? "alive" : "dead", seconds(worker.lastBeat),
      worker.info[WorkerInfo.tokensPerSecond] ?? "-", "\(worker.running)",
      worker.info[WorkerInfo.model] ?? "-", jobs.isEmpty ? "-" : jobs,
    ].map(\.printableASCII)
  }

  private func seconds(_ duration: Duration) -> String { "\((duration / .seconds(1)).fixed(1)) s" }
}
