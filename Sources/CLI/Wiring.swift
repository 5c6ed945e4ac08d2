import Gateway
import JobQueue
import JobQueueRedis
import JobWire
import Logging
import Observability
import QueueWorker
import ServiceLifecycle
import UnixSignals

/// The composition root: the only place that knows all parts and connects them.
///
/// Services stop in the reverse order of their list, each after the one behind it has ended: the gateway answers
/// what it accepted while the worker still computes, and the queue stays until both are done with it.
struct Wiring {
  let settings: Settings
  let logger: Logger
  private let metrics = MetricsRegistry()

  /// Decides where the logs go, too; to be made once a process.
  ///
  /// - Parameter defaultLevel: the level if none is given; commands that print their answer log less.
  init(_ settings: Settings, label: String, defaultLevel: String = Setting.logLevel.defaultValue) throws {
    self.settings = settings
    let logs = try settings.checked { () throws(LogSettingError) in
      try LogBootstrap(level: settings.given(.logLevel) ?? defaultLevel, format: settings.string(.logFormat))
    }
    logs.install()
    self.logger = Logger(label: label)
    metrics.addProcess(version: serviceVersion)
  }

  /// Queue, worker and gateway in one process.
  func embedded() throws -> ServiceGroup {
    let activity = WorkerActivity(version: serviceVersion)
    let queue = InMemoryJobQueue(
      limits: try queueLimits(), info: { activity.info }, identify: try envelope)
    let gateway = try gateway(on: queue)
    let worker = try worker(on: queue, activity, defaultThreads: Setting.threads.defaultValue)
    return group([queue, worker, gateway])
  }

  func gateway() throws -> ServiceGroup {
    metrics.addRedis()
    let queue = try ShardedJobProducer(configuration: redis(), logger: logger, identify: try envelope)
    return group([queue, try gateway(on: queue, limiter: queue.rateLimiter)])
  }

  func worker() throws -> ServiceGroup {
    metrics.addRedis()
    let activity = WorkerActivity(version: serviceVersion)
    let queue = try ShardedJobConsumer(
      configuration: redis(), info: { activity.info }, logger: logger, identify: try envelope)
    let admin = try admin {
      queue.isAlive ? [] : ["Redis has not heard of this worker for too long"]
    }
    // Several workers may share a host, and each of them would take all of its CPUs.
    return group(admin + [queue, try worker(on: queue, activity, defaultThreads: "1")])
  }

  private func group(_ services: [any Service]) -> ServiceGroup {
    ServiceGroup(
      services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
  }
}

// MARK: - Parts

extension Wiring {
  private func gateway(
    on queue: any JobProducer & JobQueueInspector, limiter: (any RateLimiter)? = nil
  ) throws -> any Service {
    let configuration = try gatewayConfiguration(limiter: limiter)
    try requireFree(.host, configuration.host, .port, configuration.port)
    try settings.checked { () throws(GatewayError) in try configuration.validate() }
    metrics.addQueue(queue)
    return try GatewayApplication.buildApplication(
      configuration: configuration, queue: queue, metrics: metrics, logger: logger
    ) { port in
      logger.notice("listening on http://\(configuration.host.urlHost):\(port)")
    }
  }

  private func worker(
    on queue: any JobConsumer, _ activity: WorkerActivity, defaultThreads: String
  ) throws -> Worker {
    var configuration = WorkerConfiguration(
      drain: try settings.seconds(.drainSeconds, in: 0...3600),
      maxAttempts: try settings.int(.maxAttempts, in: 1...100), limits: try limits())
    _ = try modelName()
    // After the other settings: what is wrong with them shows at once, not after a conversion.
    let counts = ComputeMetrics(metrics)
    let compute = try Compute(
      settings: settings, defaultThreads: defaultThreads, metrics: counts, logger: logger)
    configuration.maxConcurrentJobs = compute.concurrency
    activity.describe(
      model: compute.modelName, vocabulary: compute.vocabularySize, context: compute.contextLength
    ) { counts.tokenCount }
    return Worker(
      queue: queue, tasks: compute.tasks, configuration: configuration, observers: [activity, counts],
      logger: logger)
  }

  /// The health routes of a worker; none, if they are switched off.
  private func admin(readiness: @escaping AdminServer.Readiness) throws -> [any Service] {
    let host = settings.string(.adminHost)
    let port = try settings.int(.adminPort, in: 0...65535)
    if port == 0 { return [] }
    let isDefault = settings.given(.adminPort) == nil
    try requireFree(.adminHost, host, .adminPort, isDefault ? 0 : port)
    return [
      AdminServer(
        host: host, port: port, fallsBack: isDefault, logger: logger, metrics: metrics, readiness: readiness
      ) { port in
        logger.notice("health routes and metrics on http://\(host.urlHost):\(port)")
      }
    ]
  }

  /// - Throws: a `SettingsError` that blames the host or the port, if no server can listen there.
  private func requireFree(
    _ hostSetting: Setting, _ host: String, _ portSetting: Setting, _ port: Int
  ) throws(SettingsError) {
    switch LocalPort(host: host, port: port).obstacle {
    case nil: return
    case .host(let reason):
      throw settings.error(
        "\(hostSetting.namesAndOption) is \"\(host)\"; allowed is a name or an address of this machine: \(reason)"
      )
    case .portInUse:
      throw SettingsError(
        "\(portSetting.namesAndOption) is \(port), which is in use on \(host); name another")
    case .port(let reason):
      throw SettingsError(
        "\(portSetting.namesAndOption) is \(port), where no server can listen on \(host): \(reason); name another"
      )
    }
  }

  /// What the queue may know of a job.
  var envelope: JobIdentifier {
    get throws {
      let limits = try limits()
      return { payload in
        let envelope = JobRequest.peek(payload, limits: limits)
        guard let id = envelope.id.flatMap({ JobID($0) }) else { return nil }
        return JobEnvelope(
          id: id, replyTo: envelope.replyTo.flatMap { ReplyAddress($0) },
          timeToLive: envelope.ttlMilliseconds.map { .milliseconds($0) })
      }
    }
  }
}

// MARK: - Settings of the parts

extension Wiring {
  func limits() throws(SettingsError) -> RequestLimits {
    RequestLimits(
      maxBodyBytes: try settings.int(.maxBodyBytes, in: 1024...1 << 26),
      maxPromptBytes: try settings.int(.maxPromptBytes, in: 1...1 << 26),
      maxNewTokens: try settings.int(.maxNewTokens, in: 1...1 << 20),
      maxPrompts: try settings.int(.maxPrompts, in: 1...1024),
      maxCompletions: try settings.int(.maxCompletions, in: 1...128),
      maxLogprobs: try settings.int(.maxLogprobs, in: 0...20),
      maxStopStrings: try settings.int(.maxStopStrings, in: 1...1024),
      maxStopLength: try settings.int(.maxStopLength, in: 1...1 << 16),
      maxLogitBiases: try settings.int(.maxLogitBiases, in: 1...1 << 20),
      maxDepth: try settings.int(.maxJSONDepth, in: 4...128),
      queueNamespace: settings.string(.queueNamespace))
  }

  func queueLimits() throws(SettingsError) -> QueueLimits {
    var limits = QueueLimits()
    limits.capacity = try settings.int(.queueCap, in: 1...1 << 30)
    limits.resultTimeToLive = try settings.seconds(.resultTTLSeconds, in: 1...2_592_000)
    limits.deadCapacity = try settings.int(.deadCap, in: 1...1 << 24)
    limits.deadTimeToLive = try settings.seconds(.deadTTLSeconds, in: 1...31_536_000)
    return limits
  }

  func redis() throws -> RedisConfiguration {
    var configuration = try settings.checked { () throws(JobQueueError) in
      try RedisConfiguration(url: settings.string(.redisURL))
    }
    configuration.passwordFile = settings.given(.redisPasswordFile)
    configuration.checks = try settings.choice(.redisChecks, of: RedisServerCheck.Mode.self)
    configuration.namespace = settings.string(.queueNamespace)
    configuration.shards = try settings.int(.shards, in: 1...64)
    configuration.limits = try queueLimits()
    configuration.lease = try settings.seconds(.leaseSeconds, in: 1...86400)
    configuration.beatInterval = min(configuration.beatInterval, configuration.lease / 7)
    configuration.sweepInterval = min(configuration.sweepInterval, configuration.lease / 6)
    configuration.maxAttempts = try settings.int(.maxAttempts, in: 1...100)
    try settings.checked { () throws(JobQueueError) in try configuration.validate() }
    return configuration
  }

  /// The name of plain generation in answers, and what a request may name for it.
  private func modelName() throws(SettingsError) -> String {
    let name = settings.string(.modelName)
    let tasks = TaskDescription.all.map(\.name)
    guard !tasks.contains(name) else {
      throw settings.error(
        "\(Setting.modelName.namesAndOption) is \"\(name)\", which is the name of a task; allowed is any name but "
          + tasks.joined(separator: " and "))
    }
    return name
  }

  private func gatewayConfiguration(limiter: (any RateLimiter)?) throws -> GatewayConfiguration {
    var configuration = GatewayConfiguration()
    if let limiter { configuration.rateLimiter = limiter }
    configuration.host = settings.string(.host)
    configuration.port = try settings.int(.port, in: 0...65535)
    configuration.keys = try settings.checked { () throws(GatewayError) in
      try .load(
        key: settings.given(.apiKey), list: settings.given(.apiKeys), filePath: settings.given(.apiKeysFile))
    }
    configuration.requestsPerMinute = try settings.int(.requestsPerMinute, in: 0...1_000_000_000)
    configuration.tokensPerMinute = try settings.int(.tokensPerMinute, in: 0...1_000_000_000)
    configuration.insecure = try settings.bool(.insecure)
    configuration.limits = try limits()
    configuration.maxHeaderBytes = try settings.int(.maxHeaderBytes, in: 1024...1 << 20)
    configuration.maxConnections = try settings.int(.maxConnections, in: 1...1_000_000)
    configuration.maxConnectionsPerAddress = try settings.int(.maxConnectionsPerAddress, in: 0...1_000_000)
    configuration.corsOrigins = (settings.given(.corsOrigins) ?? "").split { $0 == "," || $0 == " " }.map(
      String.init)
    configuration.requestTimeout = try settings.seconds(.requestTimeoutSeconds, in: 0.1...3600)
    configuration.headerTimeout = try settings.seconds(.headerTimeoutSeconds, in: 0.1...3600)
    configuration.bodyTimeout = try settings.seconds(.bodyTimeoutSeconds, in: 0.1...3600)
    configuration.idleTimeout = try settings.seconds(.idleTimeoutSeconds, in: 0.1...3600)
    configuration.writeTimeout = try settings.seconds(.writeTimeoutSeconds, in: 0.1...3600)
    configuration.pingInterval = try settings.seconds(.pingSeconds, in: 0.1...3600)
    configuration.drain = try settings.seconds(.drainSeconds, in: 0...3600)
    configuration.followTimeout = try settings.seconds(.followTimeoutSeconds, in: 0.1...86_400)
    configuration.maxTrailBytes = try settings.int(.followMB, in: 0...65_536) << 20
    configuration.modelName = try modelName()
    configuration.version = serviceVersion
    return configuration
  }
}
