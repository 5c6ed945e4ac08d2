import GPT2
import JobQueue
import JobWire
import Observability
import QueueWorker
import Synchronization

/// What a worker's jobs and engines count.
struct ComputeMetrics: WorkerObserver {
  private let metrics: WorkerMetrics
  /// Of all engines, since the start.
  private let newTokens: Counter

  init(_ registry: MetricsRegistry) {
    metrics = WorkerMetrics(registry)
    newTokens = metrics.tokens[.completion]
  }

  var tokenCount: Int { newTokens.value }

  func jobBegan(_ id: JobID, queued: Duration?) {
    metrics.jobsRunning.add(1)
    if let queued { metrics.queueWait.observe(queued) }
  }

  func jobEnded(_ id: JobID, _ ending: JobEnding) {
    metrics.jobsRunning.add(-1)
    metrics.jobs[MetricWords.JobOutcome(ending.outcome)].add()
    metrics.jobDuration.observe(ending.duration)
    if let usage = ending.usage {
      metrics.tokens[.prompt].add(usage.promptTokens)
      metrics.prefixHitTokens.add(usage.cachedTokens)
    }
    if let prefill = ending.prefillMilliseconds {
      metrics.prefill.observe(.microseconds(Int(prefill * 1000)))
    }
  }

  /// What an engine of its own is to tell of its steps.
  func engineObserver() -> @Sendable (EngineStep) -> Void {
    let last = Mutex<EngineStep?>(nil)
    return { [metrics, newTokens] step in
      newTokens.add(step.newTokens)
      metrics.batchSize.observe(step.sequences)
      metrics.step.observe(step.duration)
      metrics.speculatedTokens[.accepted].add(step.acceptedTokens)
      metrics.speculatedTokens[.rejected].add(step.proposedTokens - step.acceptedTokens)
      let before = last.withLock { last in
        defer { last = step }
        return last
      }
      metrics.pages[.used].add(step.usedPages - (before?.usedPages ?? 0))
      metrics.pages[.shared].add(step.keptPages - (before?.keptPages ?? 0))
      metrics.pages[.free].add(step.freePages - (before?.freePages ?? 0))
    }
  }
}

extension MetricWords.JobOutcome {
  fileprivate init(_ outcome: JobEnding.Outcome) {
    switch outcome {
    case .completed: self = .completed
    case .failed: self = .failed
    case .cancelled: self = .cancelled
    case .released: self = .released
    case .fenced: self = .fenced
    }
  }
}
