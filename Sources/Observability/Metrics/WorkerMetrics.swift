/// What a worker counts.
package struct WorkerMetrics: Sendable {
  package let jobs: MetricTable<MetricWords.JobOutcome, Counter>
  package let jobsRunning: Gauge
  package let jobDuration: Histogram<Duration>
  package let queueWait: Histogram<Duration>
  package let prefill: Histogram<Duration>
  package let tokens: MetricTable<MetricWords.Tokens, Counter>
  package let prefixHitTokens: Counter
  package let batchSize: Histogram<Int>
  package let step: Histogram<Duration>
  /// Where several engines share a process, each adds its changes.
  package let pages: MetricTable<MetricWords.PageState, Gauge>
  package let speculatedTokens: MetricTable<MetricWords.Speculation, Counter>

  package init(_ registry: MetricsRegistry) {
    jobs = registry.table(for: MetricNames.workerJobs, by: MetricWords.JobOutcome.self)
    jobsRunning = registry.handle(for: MetricNames.workerJobsRunning)
    jobDuration = registry.handle(for: MetricNames.workerJobDuration)
    queueWait = registry.handle(for: MetricNames.workerQueueWait)
    prefill = registry.handle(for: MetricNames.workerPrefill)
    tokens = registry.table(for: MetricNames.workerTokens, by: MetricWords.Tokens.self)
    prefixHitTokens = registry.handle(for: MetricNames.workerPrefixHitTokens)
    batchSize = registry.handle(for: MetricNames.workerBatchSize)
    step = registry.handle(for: MetricNames.workerStep)
    pages = registry.table(for: MetricNames.workerPages, by: MetricWords.PageState.self)
    speculatedTokens = registry.table(
      for: MetricNames.workerSpeculatedTokens, by: MetricWords.Speculation.self)
  }
}
