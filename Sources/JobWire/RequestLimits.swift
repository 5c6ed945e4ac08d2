/// What a request may ask for, the same numbers in the gateway and in the worker.
///
/// ## Configuration keys
/// - `MAX_BODY_BYTES` (262144): the whole JSON text, over HTTP and on the list.
/// - `MAX_PROMPT_BYTES` (65536): the prompt in UTF-8.
/// - `MAX_NEW_TOKENS` (512): the most that `max_new_tokens` may be.
/// - `MAX_PROMPTS` (16): prompts in one request.
/// - `MAX_COMPLETIONS` (8): the most that `n` and `best_of` may be.
/// - `MAX_LOGPROBS` (20): the most that `logprobs` may be.
/// - `MAX_STOP_STRINGS` (8): strings in `stop`.
/// - `MAX_STOP_LENGTH` (256): each of them, in Unicode code points, as the length of a string in JSON Schema.
/// - `MAX_LOGIT_BIASES` (300): tokens in `logit_bias`.
/// - `MAX_JSON_DEPTH` (32): arrays and objects within each other.
/// - `QUEUE_NAMESPACE` (`gpt2`): `reply_to` must be a key of this namespace.
package struct RequestLimits: Sendable, Equatable {
  /// In Unicode code points.
  package static let maxTaskNameLength = 128
  package static let maxTemperature = 100.0
  package static let maxTopK = 1_000_000
  package static let maxRepetitionPenalty = 100.0
  /// Of the presence and the frequency penalty, to both sides.
  package static let maxPenalty = 2.0
  /// Of one `logit_bias`, to both sides.
  package static let maxBias = 100.0
  /// From what a busy worker needs to look at a job to one day.
  package static let ttlMilliseconds = 100...86_400_000
  package static let maxReplyKeyBytes = 256
  /// By how much a job on the queue may be longer than a body over HTTP.
  package static let maxAddedBytes = 1024
  /// What `max_new_tokens` is when it isn't given, or the limit if that is lower.
  package static let defaultNewTokens = 50

  package var maxBodyBytes: Int
  package var maxPromptBytes: Int
  package var maxNewTokens: Int
  package var maxPrompts: Int
  package var maxCompletions: Int
  package var maxLogprobs: Int
  package var maxStopStrings: Int
  package var maxStopLength: Int
  package var maxLogitBiases: Int
  package var maxDepth: Int
  package var queueNamespace: String

  package init(
    maxBodyBytes: Int = 262_144, maxPromptBytes: Int = 65_536, maxNewTokens: Int = 512,
    maxPrompts: Int = 16, maxCompletions: Int = 8, maxLogprobs: Int = 20, maxStopStrings: Int = 8,
    maxStopLength: Int = 256, maxLogitBiases: Int = 300, maxDepth: Int = 32, queueNamespace: String = "gpt2"
  ) {
    self.maxBodyBytes = maxBodyBytes
    self.maxPromptBytes = maxPromptBytes
    self.maxNewTokens = maxNewTokens
    self.maxPrompts = maxPrompts
    self.maxCompletions = maxCompletions
    self.maxLogprobs = maxLogprobs
    self.maxStopStrings = maxStopStrings
    self.maxStopLength = maxStopLength
    self.maxLogitBiases = maxLogitBiases
    self.maxDepth = maxDepth
    self.queueNamespace = queueNamespace
  }
}
