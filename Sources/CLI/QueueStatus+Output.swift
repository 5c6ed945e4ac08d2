import JobQueue
import JobWire

extension QueueStatus {
  /// What `gpt2 queue status --json` prints.
  var json: JSONValue {
    .fields([
      (
        "depth",
        .fields(JobPriority.allCases.map { ($0.rawValue, .integer(Int64(depth[$0] ?? 0))) })
      ),
      ("running", .integer(Int64(running))), ("dead", .integer(Int64(dead))), ("paused", .bool(paused)),
      ("counts", .fields(counts.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) })),
      ("oldest_seconds", oldestWait.map { .double($0 / .seconds(1)) }),
      (
        "workers",
        .array(
          workers.map { worker in
            .fields([
              ("id", .string(worker.id)), ("alive", .bool(worker.alive)),
              ("last_beat_seconds", .double(worker.lastBeat / .seconds(1))),
              ("running", .integer(Int64(worker.running))),
              ("info", .fields(worker.info.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            ])
          })
      ),
    ])
  }

  /// What `gpt2 queue status` prints.
  var table: String {
    var lines = JobPriority.allCases.map { "waiting, \($0.rawValue): \(depth[$0] ?? 0)" }
    if let oldestWait { lines.append("oldest: \(Self.seconds(oldestWait))") }
    lines += ["running: \(running)", "dead: \(dead)"]
    if paused { lines.append("paused: workers claim nothing until `gpt2 queue resume`") }
    lines.append("workers alive: \(workers.count(where: \.alive)) of \(workers.count)")
    for worker in workers {
      lines.append(
        "  \(worker.id)  \(worker.alive ? "alive" : "dead ")  \(worker.running) running, "
          + "last beat \(Self.seconds(worker.lastBeat)) ago")
    }
    if !counts.isEmpty {
      lines.append(
        "in total: "
          + counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func seconds(_ duration: Duration) -> String {
    "\((duration / .seconds(1) * 10).rounded() / 10) s"
  }
}
