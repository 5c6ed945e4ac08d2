import JobQueue
import JobQueueRedis
import Observability

extension MetricsRegistry {
  /// Adds what the queue tells whenever someone asks.
  func addQueue(_ queue: any JobQueueInspector) {
    let down = [MetricNames.queueUp.sample(is: 0)]
    collect(late: down) {
      guard let status = try? await queue.status() else { return down }
      return status.samples
    }
  }

  /// Adds what this process's own connections to Redis went through.
  func addRedis() {
    collect { [MetricNames.redisReconnects.sample(is: RedisReconnects.count)] }
  }
}

extension QueueStatus {
  /// What Prometheus is told of the queue.
  var samples: [MetricSample] {
    [
      MetricNames.queueUp.sample(is: 1),
      MetricNames.queueRunning.sample(is: running),
      MetricNames.queueDead.sample(is: dead),
      MetricNames.queueOldest.sample(is: (oldestWait ?? .zero) / .seconds(1)),
      MetricNames.queuePaused.sample(is: paused ? 1 : 0),
      MetricNames.queueWorkers.sample(is: workers.count(where: \.alive)),
    ]
      + JobPriority.allCases.map { MetricNames.queueDepth.sample($0.rawValue, is: depth[$0] ?? 0) }
      + MetricWords.QueueEvent.allCases.map {
        MetricNames.queueEvents.sample($0.word, is: counts[$0.word] ?? 0)
      }
  }
}
