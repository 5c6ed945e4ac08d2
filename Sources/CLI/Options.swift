import ArgumentParser

// Options have no defaults of their own: what is not given comes from the environment, and `Setting` knows the
// rest. They are strings, so that one place checks and explains every value, wherever it came from.

/// A group of options that are settings.
protocol SettingOptions: ParsableArguments {
  /// The settings of this group and what was given for them.
  var given: [Setting: String?] { get }
}

struct QueueOptions: SettingOptions {
  @Option(help: Setting.redisURL.optionHelp) var redisURL: String?
  @Option(help: Setting.redisPasswordFile.optionHelp) var redisPasswordFile: String?
  @Option(help: Setting.redisChecks.optionHelp) var redisChecks: String?
  @Option(help: Setting.queueNamespace.optionHelp) var queueNamespace: String?
  @Option(help: Setting.shards.optionHelp) var shards: String?
  @Option(help: Setting.queueCap.optionHelp) var queueCap: String?
  @Option(name: .customLong("result-ttl-seconds"), help: Setting.resultTTLSeconds.optionHelp)
  var resultTTLSeconds: String?
  @Option(help: Setting.deadCap.optionHelp) var deadCap: String?
  @Option(name: .customLong("dead-ttl-seconds"), help: Setting.deadTTLSeconds.optionHelp)
  var deadTTLSeconds: String?
  @Option(help: Setting.leaseSeconds.optionHelp) var leaseSeconds: String?
  @Option(help: Setting.maxAttempts.optionHelp) var maxAttempts: String?

  var given: [Setting: String?] {
    [
      .redisURL: redisURL, .redisPasswordFile: redisPasswordFile, .redisChecks: redisChecks,
      .queueNamespace: queueNamespace, .shards: shards, .queueCap: queueCap,
      .resultTTLSeconds: resultTTLSeconds, .deadCap: deadCap, .deadTTLSeconds: deadTTLSeconds,
      .leaseSeconds: leaseSeconds, .maxAttempts: maxAttempts,
    ]
  }
}

struct HTTPOptions: SettingOptions {
  @Option(help: Setting.host.optionHelp) var host: String?
  @Option(help: Setting.port.optionHelp) var port: String?
  @Option(help: Setting.apiKey.optionHelp) var apiKey: String?
  @Option(help: Setting.apiKeysFile.optionHelp) var apiKeysFile: String?
  @Option(help: Setting.apiKeys.optionHelp) var apiKeys: String?
  @Option(help: Setting.requestsPerMinute.optionHelp) var requestsPerMinute: String?
  @Option(help: Setting.tokensPerMinute.optionHelp) var tokensPerMinute: String?
  @Flag(help: Setting.insecure.optionHelp) var insecure = false
  @Option(help: Setting.maxConnections.optionHelp) var maxConnections: String?
  @Option(help: Setting.maxConnectionsPerAddress.optionHelp) var maxConnectionsPerAddress: String?
  @Option(help: Setting.corsOrigins.optionHelp) var corsOrigins: String?
  @Option(help: Setting.requestTimeoutSeconds.optionHelp) var requestTimeoutSeconds: String?
  @Option(help: Setting.headerTimeoutSeconds.optionHelp) var headerTimeoutSeconds: String?
  @Option(help: Setting.bodyTimeoutSeconds.optionHelp) var bodyTimeoutSeconds: String?
  @Option(help: Setting.idleTimeoutSeconds.optionHelp) var idleTimeoutSeconds: String?
  @Option(help: Setting.writeTimeoutSeconds.optionHelp) var writeTimeoutSeconds: String?
  @Option(help: Setting.pingSeconds.optionHelp) var pingSeconds: String?
  @Option(help: Setting.followTimeoutSeconds.optionHelp) var followTimeoutSeconds: String?
  @Option(help: Setting.followMB.optionHelp) var followMB: String?

  var given: [Setting: String?] {
    [
      .host: host, .port: port, .apiKey: apiKey, .apiKeys: apiKeys, .apiKeysFile: apiKeysFile,
      .requestsPerMinute: requestsPerMinute, .tokensPerMinute: tokensPerMinute,
      .insecure: insecure ? "true" : nil, .maxConnections: maxConnections,
      .maxConnectionsPerAddress: maxConnectionsPerAddress, .corsOrigins: corsOrigins,
      .requestTimeoutSeconds: requestTimeoutSeconds, .headerTimeoutSeconds: headerTimeoutSeconds,
      .bodyTimeoutSeconds: bodyTimeoutSeconds, .idleTimeoutSeconds: idleTimeoutSeconds,
      .writeTimeoutSeconds: writeTimeoutSeconds, .pingSeconds: pingSeconds,
      .followTimeoutSeconds: followTimeoutSeconds, .followMB: followMB,
    ]
  }
}

struct LimitOptions: SettingOptions {
  @Option(help: Setting.maxBodyBytes.optionHelp) var maxBodyBytes: String?
  @Option(help: Setting.maxPromptBytes.optionHelp) var maxPromptBytes: String?
  @Option(help: Setting.maxNewTokens.optionHelp) var maxNewTokens: String?
  @Option(help: Setting.maxPrompts.optionHelp) var maxPrompts: String?
  @Option(help: Setting.maxCompletions.optionHelp) var maxCompletions: String?
  @Option(help: Setting.maxLogprobs.optionHelp) var maxLogprobs: String?

  var given: [Setting: String?] {
    [
      .maxBodyBytes: maxBodyBytes, .maxPromptBytes: maxPromptBytes, .maxNewTokens: maxNewTokens,
      .maxPrompts: maxPrompts, .maxCompletions: maxCompletions, .maxLogprobs: maxLogprobs,
    ]
  }
}

/// Which model, and how a checkpoint becomes one.
struct ModelOptions: SettingOptions {
  @Option(name: [.customLong("model"), .customLong("ckpt-path")], help: Setting.ckptPath.optionHelp)
  var ckptPath: String?
  @OptionGroup var conversion: ConversionOptions

  var given: [Setting: String?] {
    conversion.given.merging([.ckptPath: ckptPath]) { first, _ in first }
  }
}

/// What a checkpoint does not say of itself.
struct ConversionOptions: SettingOptions {
  @Option(help: Setting.quantize.optionHelp) var quantize: String?
  @Option(help: Setting.modelName.optionHelp) var modelName: String?
  @Option(help: Setting.nHead.optionHelp) var nHead: String?
  @Option(help: Setting.activation.optionHelp) var activation: String?
  @Option(help: Setting.stateDictKey.optionHelp) var stateDictKey: String?
  @Option(help: Setting.padTo.optionHelp) var padTo: String?
  @Option(help: Setting.modelsDir.optionHelp) var modelsDir: String?
  @Option(help: Setting.modelCacheDir.optionHelp) var modelCacheDir: String?

  var given: [Setting: String?] {
    [
      .quantize: quantize, .modelName: modelName, .nHead: nHead, .activation: activation,
      .stateDictKey: stateDictKey, .padTo: padTo, .modelsDir: modelsDir, .modelCacheDir: modelCacheDir,
    ]
  }
}

/// The models of the tasks.
struct TaskModelOptions: SettingOptions {
  @Option(help: Setting.spamCkptPath.optionHelp) var spamCkptPath: String?
  @Option(help: Setting.gotCkptPath.optionHelp) var gotCkptPath: String?

  var given: [Setting: String?] { [.spamCkptPath: spamCkptPath, .gotCkptPath: gotCkptPath] }
}

/// What the engine works with, whatever it is asked.
struct ComputeOptions: SettingOptions {
  @Option(name: [.long, .customLong("torch-threads")], help: Setting.threads.optionHelp) var threads: String?
  @Option(name: .customLong("kv-cache-mb"), help: Setting.kvCacheMB.optionHelp) var kvCacheMB: String?
  @Option(help: Setting.kvCacheType.optionHelp) var kvCacheType: String?

  var given: [Setting: String?] {
    [.threads: threads, .kvCacheMB: kvCacheMB, .kvCacheType: kvCacheType]
  }
}

struct EngineOptions: SettingOptions {
  @OptionGroup var compute: ComputeOptions
  @Option(help: Setting.maxBatch.optionHelp) var maxBatch: String?
  @Option(help: Setting.maxCtx.optionHelp) var maxCtx: String?
  @Option(help: Setting.speculate.optionHelp) var speculate: String?

  var given: [Setting: String?] {
    compute.given.merging([.maxBatch: maxBatch, .maxCtx: maxCtx, .speculate: speculate]) { first, _ in first }
  }
}

struct WorkerOptions: SettingOptions {
  @Option(help: Setting.drainSeconds.optionHelp) var drainSeconds: String?

  var given: [Setting: String?] { [.drainSeconds: drainSeconds] }
}

struct AdminOptions: SettingOptions {
  @Option(help: Setting.adminHost.optionHelp) var adminHost: String?
  @Option(help: Setting.adminPort.optionHelp) var adminPort: String?

  var given: [Setting: String?] { [.adminHost: adminHost, .adminPort: adminPort] }
}

struct LogOptions: SettingOptions {
  @Option(help: Setting.logLevel.optionHelp) var logLevel: String?
  @Option(help: Setting.logFormat.optionHelp) var logFormat: String?

  var given: [Setting: String?] { [.logLevel: logLevel, .logFormat: logFormat] }
}

extension Setting {
  /// The help with the environment name and the default, which ArgumentParser can't know.
  var optionHelp: ArgumentHelp {
    let fallback = defaultValue.isEmpty ? "" : ", default \(defaultValue)"
    return ArgumentHelp("\(help) (\(rawValue)\(fallback))")
  }
}

extension Settings {
  /// The settings of a command that has these groups of options.
  init(_ groups: any SettingOptions...) async throws(SettingsError) {
    var options: [Setting: String] = [:]
    for group in groups {
      for (setting, value) in group.given {
        if let value { options[setting] = value }
      }
    }
    try await self.init(options: options)
  }
}
