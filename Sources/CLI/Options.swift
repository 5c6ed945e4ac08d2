import ArgumentParser

// Options have no defaults of their own: what is not given comes from the environment, and `Setting` knows the
// rest. They are strings, so that one place checks and explains every value, wherever it came from.

/// A group of options that are settings.
protocol SettingOptions: ParsableArguments {
  /// The settings of this group and what was given for them.
  var given: [Setting: String?] { get }
}

struct QueueOptions: SettingOptions {
  @Option(help: Setting.redisURL.optionHelp, completion: Setting.redisURL.completion) var redisURL: String?
  @Option(help: Setting.redisPasswordFile.optionHelp, completion: Setting.redisPasswordFile.completion)
  var redisPasswordFile: String?
  @Option(help: Setting.redisChecks.optionHelp, completion: Setting.redisChecks.completion) var redisChecks:
    String?
  @Option(help: Setting.queueNamespace.optionHelp, completion: Setting.queueNamespace.completion)
  var queueNamespace: String?
  @Option(help: Setting.shards.optionHelp, completion: Setting.shards.completion) var shards: String?
  @Option(help: Setting.queueCap.optionHelp, completion: Setting.queueCap.completion) var queueCap: String?
  @Option(
    name: .customLong("result-ttl-seconds"), help: Setting.resultTTLSeconds.optionHelp,
    completion: Setting.resultTTLSeconds.completion)
  var resultTTLSeconds: String?
  @Option(help: Setting.deadCap.optionHelp, completion: Setting.deadCap.completion) var deadCap: String?
  @Option(
    name: .customLong("dead-ttl-seconds"), help: Setting.deadTTLSeconds.optionHelp,
    completion: Setting.deadTTLSeconds.completion)
  var deadTTLSeconds: String?
  @Option(help: Setting.leaseSeconds.optionHelp, completion: Setting.leaseSeconds.completion)
  var leaseSeconds: String?
  @Option(help: Setting.maxAttempts.optionHelp, completion: Setting.maxAttempts.completion) var maxAttempts:
    String?

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
  @Option(help: Setting.host.optionHelp, completion: Setting.host.completion) var host: String?
  @Option(help: Setting.port.optionHelp, completion: Setting.port.completion) var port: String?
  @Option(help: Setting.apiKey.optionHelp, completion: Setting.apiKey.completion) var apiKey: String?
  @Option(help: Setting.apiKeysFile.optionHelp, completion: Setting.apiKeysFile.completion) var apiKeysFile:
    String?
  @Option(help: Setting.apiKeys.optionHelp, completion: Setting.apiKeys.completion) var apiKeys: String?
  @Option(help: Setting.requestsPerMinute.optionHelp, completion: Setting.requestsPerMinute.completion)
  var requestsPerMinute: String?
  @Option(help: Setting.tokensPerMinute.optionHelp, completion: Setting.tokensPerMinute.completion)
  var tokensPerMinute: String?
  @Flag(help: Setting.insecure.optionHelp) var insecure = false
  @Option(help: Setting.maxHeaderBytes.optionHelp, completion: Setting.maxHeaderBytes.completion)
  var maxHeaderBytes: String?
  @Option(help: Setting.maxConnections.optionHelp, completion: Setting.maxConnections.completion)
  var maxConnections: String?
  @Option(
    help: Setting.maxConnectionsPerAddress.optionHelp, completion: Setting.maxConnectionsPerAddress.completion
  ) var maxConnectionsPerAddress: String?
  @Option(help: Setting.corsOrigins.optionHelp, completion: Setting.corsOrigins.completion) var corsOrigins:
    String?
  @Option(
    help: Setting.requestTimeoutSeconds.optionHelp, completion: Setting.requestTimeoutSeconds.completion)
  var requestTimeoutSeconds: String?
  @Option(help: Setting.headerTimeoutSeconds.optionHelp, completion: Setting.headerTimeoutSeconds.completion)
  var headerTimeoutSeconds: String?
  @Option(help: Setting.bodyTimeoutSeconds.optionHelp, completion: Setting.bodyTimeoutSeconds.completion)
  var bodyTimeoutSeconds: String?
  @Option(help: Setting.idleTimeoutSeconds.optionHelp, completion: Setting.idleTimeoutSeconds.completion)
  var idleTimeoutSeconds: String?
  @Option(help: Setting.writeTimeoutSeconds.optionHelp, completion: Setting.writeTimeoutSeconds.completion)
  var writeTimeoutSeconds: String?
  @Option(help: Setting.pingSeconds.optionHelp, completion: Setting.pingSeconds.completion) var pingSeconds:
    String?
  @Option(help: Setting.followTimeoutSeconds.optionHelp, completion: Setting.followTimeoutSeconds.completion)
  var followTimeoutSeconds: String?
  @Option(help: Setting.followMB.optionHelp, completion: Setting.followMB.completion) var followMB: String?

  var given: [Setting: String?] {
    [
      .host: host, .port: port, .apiKey: apiKey, .apiKeys: apiKeys, .apiKeysFile: apiKeysFile,
      .requestsPerMinute: requestsPerMinute, .tokensPerMinute: tokensPerMinute,
      .insecure: insecure ? "true" : nil, .maxHeaderBytes: maxHeaderBytes, .maxConnections: maxConnections,
      .maxConnectionsPerAddress: maxConnectionsPerAddress, .corsOrigins: corsOrigins,
      .requestTimeoutSeconds: requestTimeoutSeconds, .headerTimeoutSeconds: headerTimeoutSeconds,
      .bodyTimeoutSeconds: bodyTimeoutSeconds, .idleTimeoutSeconds: idleTimeoutSeconds,
      .writeTimeoutSeconds: writeTimeoutSeconds, .pingSeconds: pingSeconds,
      .followTimeoutSeconds: followTimeoutSeconds, .followMB: followMB,
    ]
  }
}

struct LimitOptions: SettingOptions {
  @Option(help: Setting.maxBodyBytes.optionHelp, completion: Setting.maxBodyBytes.completion)
  var maxBodyBytes: String?
  @Option(help: Setting.maxPromptBytes.optionHelp, completion: Setting.maxPromptBytes.completion)
  var maxPromptBytes: String?
  @Option(help: Setting.maxNewTokens.optionHelp, completion: Setting.maxNewTokens.completion)
  var maxNewTokens: String?
  @Option(help: Setting.maxPrompts.optionHelp, completion: Setting.maxPrompts.completion) var maxPrompts:
    String?
  @Option(help: Setting.maxCompletions.optionHelp, completion: Setting.maxCompletions.completion)
  var maxCompletions: String?
  @Option(help: Setting.maxLogprobs.optionHelp, completion: Setting.maxLogprobs.completion) var maxLogprobs:
    String?
  @Option(help: Setting.maxStopStrings.optionHelp, completion: Setting.maxStopStrings.completion)
  var maxStopStrings: String?
  @Option(help: Setting.maxStopLength.optionHelp, completion: Setting.maxStopLength.completion)
  var maxStopLength: String?
  @Option(help: Setting.maxLogitBiases.optionHelp, completion: Setting.maxLogitBiases.completion)
  var maxLogitBiases: String?
  @Option(
    name: .customLong("max-json-depth"), help: Setting.maxJSONDepth.optionHelp,
    completion: Setting.maxJSONDepth.completion)
  var maxJSONDepth: String?

  var given: [Setting: String?] {
    [
      .maxBodyBytes: maxBodyBytes, .maxPromptBytes: maxPromptBytes, .maxNewTokens: maxNewTokens,
      .maxPrompts: maxPrompts, .maxCompletions: maxCompletions, .maxLogprobs: maxLogprobs,
      .maxStopStrings: maxStopStrings, .maxStopLength: maxStopLength, .maxLogitBiases: maxLogitBiases,
      .maxJSONDepth: maxJSONDepth,
    ]
  }
}

/// Which model, and how a checkpoint becomes one.
struct ModelOptions: SettingOptions {
  @Option(
    name: [.customLong("model"), .customLong("ckpt-path")], help: Setting.ckptPath.optionHelp,
    completion: Setting.ckptPath.completion)
  var ckptPath: String?
  @OptionGroup var conversion: ConversionOptions

  var given: [Setting: String?] {
    conversion.given.merging([.ckptPath: ckptPath]) { first, _ in first }
  }
}

/// What a checkpoint does not say of itself.
struct ConversionOptions: SettingOptions {
  @Option(help: Setting.quantize.optionHelp, completion: Setting.quantize.completion) var quantize: String?
  @Option(help: Setting.modelName.optionHelp, completion: Setting.modelName.completion) var modelName: String?
  @Option(help: Setting.nHead.optionHelp, completion: Setting.nHead.completion) var nHead: String?
  @Option(help: Setting.activation.optionHelp, completion: Setting.activation.completion) var activation:
    String?
  @Option(help: Setting.stateDictKey.optionHelp, completion: Setting.stateDictKey.completion)
  var stateDictKey: String?
  @Option(help: Setting.padTo.optionHelp, completion: Setting.padTo.completion) var padTo: String?
  @Option(help: Setting.modelsDir.optionHelp, completion: Setting.modelsDir.completion) var modelsDir: String?
  @Option(help: Setting.modelCacheDir.optionHelp, completion: Setting.modelCacheDir.completion)
  var modelCacheDir: String?

  var given: [Setting: String?] {
    [
      .quantize: quantize, .modelName: modelName, .nHead: nHead, .activation: activation,
      .stateDictKey: stateDictKey, .padTo: padTo, .modelsDir: modelsDir, .modelCacheDir: modelCacheDir,
    ]
  }
}

/// The models of the tasks.
struct TaskModelOptions: SettingOptions {
  @Option(help: Setting.spamCkptPath.optionHelp, completion: Setting.spamCkptPath.completion)
  var spamCkptPath: String?
  @Option(help: Setting.gotCkptPath.optionHelp, completion: Setting.gotCkptPath.completion) var gotCkptPath:
    String?

  var given: [Setting: String?] { [.spamCkptPath: spamCkptPath, .gotCkptPath: gotCkptPath] }
}

/// What the engine works with, whatever it is asked.
struct ComputeOptions: SettingOptions {
  @Option(
    name: [.long, .customLong("torch-threads")], help: Setting.threads.optionHelp,
    completion: Setting.threads.completion) var threads: String?
  @Option(
    name: .customLong("kv-cache-mb"), help: Setting.kvCacheMB.optionHelp,
    completion: Setting.kvCacheMB.completion) var kvCacheMB: String?
  @Option(help: Setting.kvCacheType.optionHelp, completion: Setting.kvCacheType.completion) var kvCacheType:
    String?

  var given: [Setting: String?] {
    [.threads: threads, .kvCacheMB: kvCacheMB, .kvCacheType: kvCacheType]
  }
}

struct EngineOptions: SettingOptions {
  @OptionGroup var compute: ComputeOptions
  @Option(help: Setting.maxBatch.optionHelp, completion: Setting.maxBatch.completion) var maxBatch: String?
  @Option(help: Setting.maxCtx.optionHelp, completion: Setting.maxCtx.completion) var maxCtx: String?
  @Option(help: Setting.speculate.optionHelp, completion: Setting.speculate.completion) var speculate: String?

  var given: [Setting: String?] {
    compute.given.merging([.maxBatch: maxBatch, .maxCtx: maxCtx, .speculate: speculate]) { first, _ in first }
  }
}

struct DrainOptions: SettingOptions {
  @Option(help: Setting.drainSeconds.optionHelp, completion: Setting.drainSeconds.completion)
  var drainSeconds: String?

  var given: [Setting: String?] { [.drainSeconds: drainSeconds] }
}

struct AdminOptions: SettingOptions {
  @Option(help: Setting.adminHost.optionHelp, completion: Setting.adminHost.completion) var adminHost: String?
  @Option(help: Setting.adminPort.optionHelp, completion: Setting.adminPort.completion) var adminPort: String?

  var given: [Setting: String?] { [.adminHost: adminHost, .adminPort: adminPort] }
}

struct LogOptions: SettingOptions {
  @Option(help: Setting.logLevel.optionHelp, completion: Setting.logLevel.completion) var logLevel: String?
  @Option(help: Setting.logFormat.optionHelp, completion: Setting.logFormat.completion) var logFormat: String?

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
  init(_ groups: any SettingOptions...) throws(SettingsError) {
    var options: [Setting: String] = [:]
    for group in groups {
      for (setting, value) in group.given {
        if let value { options[setting] = value }
      }
    }
    try self.init(options: options)
  }
}
