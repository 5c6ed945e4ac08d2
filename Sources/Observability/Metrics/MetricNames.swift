/// All metrics of the service. `docs/metrics.md` tells what they are good for.
package enum MetricNames {
  /// Every metric there is.
  package static let all: [MetricDescription] = gateway + queue + worker + process
}

// MARK: - Gateway

extension MetricNames {
  package static let gateway = [
    httpRequests.description, httpRequestDuration.description, httpRequestsInFlight.description,
    httpStreamsInFlight.description, httpTimeToFirstToken.description, httpTimeBetweenTokens.description,
    httpTokens.description, httpRateLimited.description, httpClientsLeft.description,
  ]

  package static let httpRequests = Metric<Counter>(
    "gpt2_http_requests_total",
    labels: [
      MetricLabel("route"),
      MetricLabel("method", oneOf: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
      MetricLabel("code"),
    ], maxSeries: 512, help: "Requests that were answered.")
  package static let httpRequestDuration = Metric<Histogram<Duration>>(
    "gpt2_http_request_duration_seconds", labels: [MetricLabel("route")], maxSeries: 64,
    secondsUpTo: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    help: "Time from a request to the end of its answer.")
  package static let httpRequestsInFlight = Metric<Gauge>(
    "gpt2_http_requests_in_flight", help: "Requests that are being answered.")
  package static let httpStreamsInFlight = Metric<Gauge>(
    "gpt2_http_streams_in_flight", help: "Answers that are being sent as a stream of events.")
  package static let httpTimeToFirstToken = Metric<Histogram<Duration>>(
    "gpt2_http_time_to_first_token_seconds",
    secondsUpTo: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    help: "Time from a request for a stream to its first token.")
  package static let httpTimeBetweenTokens = Metric<Histogram<Duration>>(
    "gpt2_http_time_between_tokens_seconds",
    secondsUpTo: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5],
    help: "Time from one token of a stream to the next.")
  package static let httpTokens = Metric<Counter>(
    "gpt2_http_tokens_total", labels: [MetricLabel("kind", oneOf: MetricWords.Tokens.self)],
    help: "Tokens of the requests that were answered with a result.")
  package static let httpRateLimited = Metric<Counter>(
    "gpt2_http_rate_limited_total", labels: [MetricLabel("kind", oneOf: MetricWords.RateLimit.self)],
    help: "Requests that were refused because their key had used up its rate.")
  package static let httpClientsLeft = Metric<Counter>(
    "gpt2_http_clients_left_total", help: "Requests whose client left before the answer was complete.")
}

// MARK: - Queue

extension MetricNames {
  package static let queue = [
    queueUp.description, queueDepth.description, queueRunning.description, queueDead.description,
    queueOldest.description, queuePaused.description, queueWorkers.description, queueEvents.description,
    redisReconnects.description,
  ]

  package static let queueUp = Metric<Gauge>(
    "gpt2_queue_up", help: "Whether the queue could be asked: 1 or 0. If not, its other metrics are absent.")
  package static let queueDepth = Metric<Gauge>(
    "gpt2_queue_depth", labels: [MetricLabel("priority", oneOf: MetricWords.Priority.self)],
    help: "Jobs that wait.")
  package static let queueRunning = Metric<Gauge>(
    "gpt2_queue_running", help: "Jobs that workers have claimed, dead workers included.")
  package static let queueDead = Metric<Gauge>("gpt2_queue_dead", help: "Jobs in the dead list.")
  package static let queueOldest = Metric<RealGauge>(
    "gpt2_queue_oldest_seconds", help: "How long the oldest waiting job has waited; 0 if none waits.")
  package static let queuePaused = Metric<Gauge>(
    "gpt2_queue_paused", help: "Whether the queue is paused: 1 or 0.")
  package static let queueWorkers = Metric<Gauge>(
    "gpt2_queue_workers", help: "Workers that gave a sign of life within the lease.")
  package static let queueEvents = Metric<Counter>(
    "gpt2_queue_events_total", labels: [MetricLabel("event", oneOf: MetricWords.QueueEvent.self)],
    help: "What happened to jobs, over all workers.")
  package static let redisReconnects = Metric<Counter>(
    "gpt2_redis_reconnects_total", help: "Connections of this process to Redis that were lost and made again."
  )
}

// MARK: - Worker

extension MetricNames {
  package static let worker = [
    workerJobs.description, workerJobsRunning.description, workerJobDuration.description,
    workerQueueWait.description, workerPrefill.description, workerTokens.description,
    workerPrefixHitTokens.description, workerBatchSize.description, workerStep.description,
    workerPages.description, workerSpeculatedTokens.description,
  ]

  package static let workerJobs = Metric<Counter>(
    "gpt2_worker_jobs_total", labels: [MetricLabel("status", oneOf: MetricWords.JobOutcome.self)],
    help: "Jobs that left this worker.")
  package static let workerJobsRunning = Metric<Gauge>(
    "gpt2_worker_jobs_running", help: "Jobs in this worker's hands.")
  package static let workerJobDuration = Metric<Histogram<Duration>>(
    "gpt2_worker_job_duration_seconds",
    secondsUpTo: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    help: "Time from a job's start on this worker to its end.")
  package static let workerQueueWait = Metric<Histogram<Duration>>(
    "gpt2_worker_queue_wait_seconds",
    secondsUpTo: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    help: "How long jobs had waited in the queue when this worker started them.")
  package static let workerPrefill = Metric<Histogram<Duration>>(
    "gpt2_worker_prefill_seconds",
    secondsUpTo: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    help: "Time to compute a prompt.")
  package static let workerTokens = Metric<Counter>(
    "gpt2_worker_tokens_total", labels: [MetricLabel("kind", oneOf: MetricWords.Tokens.self)],
    help: "Tokens of the jobs that this worker ran; those of a prompt include prefix hits.")
  package static let workerPrefixHitTokens = Metric<Counter>(
    "gpt2_worker_prefix_hit_tokens_total",
    help: "Tokens of prompts that were not computed, since an earlier text began the same.")
  package static let workerBatchSize = Metric<Histogram<Int>>(
    "gpt2_worker_batch_size", upTo: [1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128],
    help: "Sequences in each step of the engine.")
  package static let workerStep = Metric<Histogram<Duration>>(
    "gpt2_worker_step_seconds",
    secondsUpTo: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5],
    help: "Time of each step of the engine.")
  package static let workerPages = Metric<Gauge>(
    "gpt2_worker_kv_pages", labels: [MetricLabel("state", oneOf: MetricWords.PageState.self)],
    help: "Pages of memory for keys and values: used by sequences, kept to be shared, or free.")
  package static let workerSpeculatedTokens = Metric<Counter>(
    "gpt2_worker_speculated_tokens_total",
    labels: [MetricLabel("outcome", oneOf: MetricWords.Speculation.self)],
    help: "Tokens that were proposed from the text itself, by what the model said to them.")
}

// MARK: - Process

extension MetricNames {
  package static let process = [
    processCPU.description, processResidentMemory.description, processOpenFiles.description,
    processMaxFiles.description, processStartTime.description, buildInfo.description,
  ]

  package static let processCPU = Metric<Counter>(
    "process_cpu_seconds_total", help: "Time that all threads have spent on CPUs, in user and in system mode."
  )
  package static let processResidentMemory = Metric<Gauge>(
    "process_resident_memory_bytes", help: "Memory that is resident, mapped files included.")
  package static let processOpenFiles = Metric<Gauge>("process_open_fds", help: "Open file descriptors.")
  package static let processMaxFiles = Metric<Gauge>(
    "process_max_fds", help: "How many file descriptors may be open.")
  package static let processStartTime = Metric<RealGauge>(
    "process_start_time_seconds", help: "When the process started, in seconds since 1970.")
  package static let buildInfo = Metric<Gauge>(
    "gpt2_build_info", labels: [MetricLabel("version")], help: "Always 1; the label tells the version.")
}
