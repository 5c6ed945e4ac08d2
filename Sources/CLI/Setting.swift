/// Every setting: its environment name, its default and what it means. `docs/configuration.md` lists the same.
enum Setting: String, CaseIterable, Sendable {
  // The queue
  case redisURL = "REDIS_URL"
  case redisPasswordFile = "REDIS_PASSWORD_FILE"
  case redisChecks = "REDIS_CHECKS"
  case queueNamespace = "QUEUE_NAMESPACE"
  case shards = "SHARDS"
  case queueCap = "QUEUE_CAP"
  case resultTTLSeconds = "RESULT_TTL_SECONDS"
  case deadCap = "DEAD_CAP"
  case deadTTLSeconds = "DEAD_TTL_SECONDS"
  case leaseSeconds = "LEASE_SECONDS"
  case maxAttempts = "MAX_ATTEMPTS"
  // HTTP
  case host = "HOST"
  case port = "PORT"
  case apiKey = "API_KEY"
  case apiKeysFile = "API_KEYS_FILE"
  case apiKeys = "API_KEYS"
  case requestsPerMinute = "REQUESTS_PER_MINUTE"
  case tokensPerMinute = "TOKENS_PER_MINUTE"
  case insecure = "INSECURE"
  case maxBodyBytes = "MAX_BODY_BYTES"
  case maxHeaderBytes = "MAX_HEADER_BYTES"
  case maxConnections = "MAX_CONNECTIONS"
  case maxConnectionsPerAddress = "MAX_CONNECTIONS_PER_ADDRESS"
  case corsOrigins = "CORS_ORIGINS"
  case requestTimeoutSeconds = "REQUEST_TIMEOUT_SECONDS"
  case headerTimeoutSeconds = "HEADER_TIMEOUT_SECONDS"
  case bodyTimeoutSeconds = "BODY_TIMEOUT_SECONDS"
  case idleTimeoutSeconds = "IDLE_TIMEOUT_SECONDS"
  case writeTimeoutSeconds = "WRITE_TIMEOUT_SECONDS"
  case pingSeconds = "PING_SECONDS"
  case followTimeoutSeconds = "FOLLOW_TIMEOUT_SECONDS"
  case followMB = "FOLLOW_MB"
  // Limits of a request
  case maxPromptBytes = "MAX_PROMPT_BYTES"
  case maxNewTokens = "MAX_NEW_TOKENS"
  case maxPrompts = "MAX_PROMPTS"
  case maxCompletions = "MAX_COMPLETIONS"
  case maxLogprobs = "MAX_LOGPROBS"
  case maxStopStrings = "MAX_STOP_STRINGS"
  case maxStopLength = "MAX_STOP_LENGTH"
  case maxLogitBiases = "MAX_LOGIT_BIASES"
  case maxJSONDepth = "MAX_JSON_DEPTH"
  // Models
  case ckptPath = "CKPT_PATH"
  case spamCkptPath = "SPAM_CKPT_PATH"
  case gotCkptPath = "GOT_CKPT_PATH"
  case modelName = "MODEL_NAME"
  case modelsDir = "MODELS_DIR"
  case modelCacheDir = "MODEL_CACHE_DIR"
  case quantize = "QUANTIZE"
  case nHead = "N_HEAD"
  case activation = "ACTIVATION"
  case stateDictKey = "STATE_DICT_KEY"
  case padTo = "PAD_TO"
  // The engine
  case threads = "THREADS"
  case maxBatch = "MAX_BATCH"
  case maxCtx = "MAX_CTX"
  case kvCacheMB = "KV_CACHE_MB"
  case kvCacheType = "KV_CACHE_TYPE"
  case speculate = "SPECULATE"
  // The worker
  case adminHost = "ADMIN_HOST"
  case adminPort = "ADMIN_PORT"
  case drainSeconds = "DRAIN_SECONDS"
  // Logs
  case logLevel = "LOG_LEVEL"
  case logFormat = "LOG_FORMAT"

  /// What holds where nothing is given; empty means that the setting is off.
  var defaultValue: String {
    switch self {
    case .redisURL: "redis://127.0.0.1:6379"
    case .redisChecks: "warn"
    case .queueNamespace: "gpt2"
    case .shards: "1"
    case .queueCap: "1000"
    case .resultTTLSeconds: "600"
    case .deadCap: "1000"
    case .deadTTLSeconds: "604800"
    case .leaseSeconds: "15"
    case .maxAttempts: "3"
    case .host: "127.0.0.1"
    case .port: "8080"
    case .insecure: "false"
    case .requestsPerMinute, .tokensPerMinute: "0"
    case .maxBodyBytes: "262144"
    case .maxHeaderBytes: "16384"
    case .maxConnections: "1024"
    case .maxConnectionsPerAddress: "512"
    case .requestTimeoutSeconds: "120"
    case .headerTimeoutSeconds: "10"
    case .bodyTimeoutSeconds: "30"
    case .idleTimeoutSeconds: "60"
    case .writeTimeoutSeconds: "30"
    case .pingSeconds: "15"
    case .followTimeoutSeconds: "3600"
    case .followMB: "64"
    case .maxPromptBytes: "65536"
    case .maxNewTokens: "512"
    case .maxPrompts: "16"
    case .maxCompletions: "8"
    case .maxLogprobs: "20"
    case .maxStopStrings: "8"
    case .maxStopLength: "256"
    case .maxLogitBiases: "300"
    case .maxJSONDepth: "32"
    case .modelName: "gpt2"
    case .quantize: "int8"
    case .padTo: "none"
    case .threads: "auto"
    case .maxBatch: "32"
    case .maxCtx: "512"
    case .kvCacheMB: "512"
    case .kvCacheType: "auto"
    case .speculate: "true"
    case .adminHost: "127.0.0.1"
    case .adminPort: "9100"
    case .drainSeconds: "20"
    case .logLevel: "info"
    case .logFormat: "auto"
    case .redisPasswordFile, .apiKey, .apiKeys, .apiKeysFile, .corsOrigins, .ckptPath, .spamCkptPath,
      .gotCkptPath,
      .modelsDir,
      .modelCacheDir, .nHead,
      .activation, .stateDictKey:
      ""
    }
  }

  /// The help of the option of the same words.
  var help: String {
    switch self {
    case .redisURL:
      "Redis: redis://[user:password@]host[:port][/database], redis+unix:///path/of/socket, "
        + "redis+sentinel://host[:port][,...]/name, or redis+cluster://host[:port][,...]."
    case .redisPasswordFile: "A file whose first line is the password for Redis; read at every connect."
    case .redisChecks:
      "What to do about a Redis that may lose jobs (old version, eviction, no append-only file): warn, require "
        + "(don't start), or off."
    case .queueNamespace: "The first part of all keys in Redis, in braces."
    case .shards: "Over how many hash tags the queue is spread, so that the nodes of a cluster share it."
    case .queueCap: "Jobs that may wait in one list; beyond it, requests get 429."
    case .resultTTLSeconds: "How long a result can be fetched."
    case .deadCap: "How many jobs the dead list keeps; the oldest go first."
    case .deadTTLSeconds: "How long the dead list is kept after its last job."
    case .leaseSeconds: "A worker that has not beaten for so long is dead, and its jobs run elsewhere."
    case .maxAttempts: "How many workers a job may crash before it goes to the dead list."
    case .host: "The address to listen on."
    case .port: "The port to listen on."
    case .apiKey: "The key that clients must send as x-api-key; empty: none."
    case .apiKeysFile:
      "A file of keys, one a line: KEY, NAME:KEY or NAME:sha256=HEX, and what each may use a minute."
    case .apiKeys: "Keys as in API_KEYS_FILE, separated by commas or lines."
    case .requestsPerMinute: "Requests a minute of each caller whose key says nothing else; 0: no limit."
    case .tokensPerMinute:
      "Generated tokens a minute of each caller whose key says nothing else; 0: no limit."
    case .insecure: "Allow an address that is not loopback without an API key."
    case .maxBodyBytes: "The longest body of a request."
    case .maxHeaderBytes: "The longest header of a request, all fields together; there may be 100 of them."
    case .maxConnections: "Connections that are served at the same time."
    case .maxConnectionsPerAddress: "Connections of one address; more are closed at once. 0: no limit."
    case .corsOrigins: "Origins whose pages may call from a browser, exactly, with commas between."
    case .requestTimeoutSeconds: "How long a request may wait for its result."
    case .headerTimeoutSeconds: "From the opening of a connection to its first complete header."
    case .bodyTimeoutSeconds: "From a header to the end of its body."
    case .idleTimeoutSeconds: "How long a connection stays open between two requests."
    case .writeTimeoutSeconds: "How long a client may leave unread what was sent to it."
    case .pingSeconds: "How often a stream without tokens says that it is alive."
    case .followTimeoutSeconds: "How long a job that was only submitted is followed."
    case .followMB: "The most memory for the events of jobs that were only submitted, in MiB."
    case .maxPromptBytes: "The longest prompt, as UTF-8."
    case .maxNewTokens: "The most tokens that a request may ask for."
    case .maxPrompts: "Prompts that one request may have."
    case .maxCompletions: "The most that n and best_of of a request may be."
    case .maxLogprobs: "The most that logprobs of a request may be."
    case .maxStopStrings: "Strings that stop of a request may have."
    case .maxStopLength: "The longest of these strings, in characters (Unicode code points)."
    case .maxLogitBiases: "Tokens that logit_bias of a request may have."
    case .maxJSONDepth: "How deep arrays and objects of a request may be within each other."
    case .ckptPath:
      "The model: a .gpt2, .pth, .pt, .bin or .safetensors file, or a directory. Default: model.pth, if it exists, "
        + "else the bundled model."
    case .spamCkptPath: "The classifier of the task spam; default: the bundled one."
    case .gotCkptPath: "The model of the task got; default: the bundled one."
    case .modelName:
      "The name in answers, which no task may have; gpt2, gpt2-medium, gpt2-large and gpt2-xl also give the heads of "
        + "a checkpoint that does not say them."
    case .modelsDir: "Where the bundled models are; default: found beside the program."
    case .modelCacheDir: "Where converted checkpoints are kept; default: ~/.cache/gpt2-service."
    case .quantize: "The weights in memory: int8, int4 or f32."
    case .nHead: "Attention heads, where the checkpoint does not say it."
    case .activation: "gelu_tanh or gelu_erf, where the checkpoint does not say it."
    case .stateDictKey: "Which of several state dicts in a checkpoint to take."
    case .padTo:
      "The length that texts are padded to before they are classified: none, a number of tokens, or context."
    case .threads:
      "Threads of the engine, 1 to 256, or auto: the CPUs that this process may use. A worker's default is 1. "
        + "TORCH_THREADS means the same."
    case .maxBatch: "Sequences that run at the same time."
    case .maxCtx: "The longest sequence in tokens; longer prompts keep their end."
    case .kvCacheMB: "The most memory for keys and values, in MiB."
    case .kvCacheType: "Keys and values in memory: f16, int8, f32, or auto: f32 for an f32 model, else f16."
    case .speculate: "Propose the next tokens from the text itself; the tokens stay the same."
    case .adminHost: "The address of the worker's health routes and metrics."
    case .adminPort:
      "The port of the worker's health routes and metrics; 0: off. Not given and taken: any free one."
    case .drainSeconds:
      "How long what is under way may take to finish after SIGTERM: jobs of a worker, requests of a gateway."
    case .logLevel: "trace, debug, info, notice, warning, error or critical."
    case .logFormat: "json, text, or auto: text on a terminal."
    }
  }

  /// Names that mean the same, from the service that users come from.
  var aliases: [String] { self == .threads ? ["TORCH_THREADS"] : [] }

  /// All its names, for messages.
  var names: String { ([rawValue] + aliases).joined(separator: " = ") }

  var isSecret: Bool { [.apiKey, .apiKeys, .redisURL].contains(self) }

  /// The key in swift-configuration, whose provider of environment variables joins the words again.
  var path: [String] { Self.path(of: rawValue) }

  static func path(of name: String) -> [String] {
    name.lowercased().split(separator: "_").map(String.init)
  }
}
