import Glibc
import JobQueue
import JobWire

/// `gpt2 queue status --watch`: looks at the queue again and again until the task is cancelled.
struct QueueWatch: Sendable {
  let interval: Duration
  let json: Bool

  private enum Event: Sendable {
    case looked(Result<QueueStatus, JobQueueError>)
    case tick
  }

  func run(_ queue: any JobQueueInspector) async throws {
    let isLive = StandardOutput.isTerminal && !json
    try await withTaskCancellationHandler {
      try await watch(queue, isLive: isLive)
    } onCancel: {
      // At once: the last look may still wait for Redis.
      if isLive { StandardOutput.write(ScreenPainter.end) }
    }
  }

  /// The screen is drawn in every interval, also while a look takes longer than that.
  private func watch(_ queue: any JobQueueInspector, isLive: Bool) async throws {
    var observation = QueueObservation()
    var painter = ScreenPainter(hasColors: getenv("NO_COLOR") == nil)
    await withTaskGroup(of: Event.self) { group in
      var lookBegan: ContinuousClock.Instant? = .now
      group.addTask { await Self.look(at: queue) }
      group.addTask { await tick() }
      for await event in group {
        guard !Task.isCancelled else { return group.cancelAll() }
        let now = ContinuousClock.now
        switch event {
        case .looked(.success(let status)):
          observation.note(status, at: now)
          lookBegan = nil
        case .looked(.failure(let error)):
          observation.note(failure: error.message, at: lookBegan ?? now)
          lookBegan = nil
        case .tick:
          group.addTask { await tick() }
          if let lookBegan {
            observation.note(failure: observation.failure?.message ?? "Redis does not answer", at: lookBegan)
          } else {
            lookBegan = now
            group.addTask { await Self.look(at: queue) }
            // What it tells is drawn when it comes.
            continue
          }
        }
        show(observation, at: now, isLive ? { painter.frame($0, size: .current) } : nil)
      }
    }
  }

  private static func look(at queue: any JobQueueInspector) async -> Event {
    do throws(JobQueueError) {
      return .looked(.success(try await queue.status()))
    } catch {
      return .looked(.failure(error))
    }
  }

  private func tick() async -> Event {
    try? await Task.sleep(for: interval)
    return .tick
  }

  /// - Parameter frame: makes what a terminal is to be told of the lines; nil where they stand for themselves.
  private func show(
    _ observation: QueueObservation, at now: ContinuousClock.Instant, _ frame: (([ScreenLine]) -> String)?
  ) {
    if json {
      guard observation.failure == nil, let status = observation.status else {
        return StandardError.write("Error: \(observation.failure?.message ?? "nothing was seen")\n")
      }
      return StandardOutput.write(status.json.encoded + Array("\n".utf8))
    }
    let lines = QueueScreen(observation: observation, clock: Self.timeOfDay(), now: now).lines()
    StandardOutput.write(frame?(lines) ?? lines.map { $0.text + "\n" }.joined() + "\n")
  }

  private static func timeOfDay() -> String {
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
    return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
  }
}
