/// What a client asks for: the body of `POST /generate` and, with an `id`, a job on the queue.
///
/// Only `decode` makes one from outside input, so that every value is in its range.
package struct JobRequest: Sendable, Equatable {
  /// Which list the job waits in.
  package enum Priority: String, Sendable, CaseIterable {
    case high, `default`, low
  }

  /// Something that is added to the logit of a token.
  package struct Bias: Sendable, Equatable {
    package var token: Int
    package var bias: Double

    package init(token: Int, bias: Double) {
      self.token = token
      self.bias = bias
    }
  }

  /// `[A-Za-z0-9_-]{1,64}`; on the queue never `nil`.
  package var id: String?
  /// At least one.
  package var prompts: [Prompt]
  package var taskName: String?
  /// 0: nothing is made; with `echo` and `logprobs` the prompt is scored.
  package var maxNewTokens = RequestLimits.defaultNewTokens
  /// So many new tokens are made before the model may end the text.
  package var minTokens = 0
  package var ignoresEndOfText = false
  /// 0 is greedy.
  package var temperature = 1.0
  /// 0 is off.
  package var topK = 0
  /// 1 is off.
  package var topP = 1.0
  /// 0 is off.
  package var minP = 0.0
  /// 1 is off.
  package var typicalP = 1.0
  /// 1 is off.
  package var repetitionPenalty = 1.0
  package var presencePenalty = 0.0
  package var frequencyPenalty = 0.0
  /// By ascending id.
  package var logitBias: [Bias] = []
  package var stop: [String] = []
  package var seed: Int64?
  /// Completions of each prompt.
  package var completions = 1
  /// So many are made of each prompt, and the likeliest `completions` of them returned.
  package var bestOf: Int?
  /// `nil`: none; 0: of each token; more: also of so many of the likeliest in its place.
  package var logprobs: Int?
  /// Whether the text begins with the prompt.
  package var echo = false
  /// Whether a prompt that is too long for the model's context is cut; else the job is refused.
  package var truncates = true
  package var priority = Priority.default
  /// The job is dropped as expired when no worker began it in that time.
  package var ttlMilliseconds: Int?
  /// `{gpt2}:reply:…` (a list) or `{gpt2}:inbox:…` (a stream); only from direct producers.
  package var replyTo: String?
  /// Whether the requester wants the tokens as they come.
  package var stream = false
  /// W3C trace context, carried into logs.
  package var traceparent: String?

  /// A request with all else at its default.
  package init(id: String? = nil, prompts: [Prompt], taskName: String? = nil) {
    self.id = id
    self.prompts = prompts
    self.taskName = taskName
  }

  /// Sequences that are made of each prompt. To score it one is enough.
  package var sequencesPerPrompt: Int { maxNewTokens == 0 ? 1 : max(completions, bestOf ?? 1) }

  /// Whether the request is to be answered from the tokens of its prompts alone: nothing is computed for it.
  package var isTokenization: Bool { maxNewTokens == 0 && (logprobs == nil || !echo) }

  /// The most tokens that may be made for it. A classification makes none.
  package var mostNewTokens: Int {
    let isClassification = TaskDescription.all.contains { $0.name == taskName && $0.kind == .classify }
    return isClassification ? 0 : maxNewTokens * sequencesPerPrompt * prompts.count
  }

  /// Whether the tokens can be told as they come: the best of several are only known at the end, and what is made of none
  /// has no parts.
  package var tellsTokens: Bool { stream && maxNewTokens > 0 && (bestOf ?? completions) == completions }

  /// Names everything that the requester did for one purpose of its own, for the logs.
  package var traceID: String? {
    traceparent.flatMap { $0.split(separator: "-").dropFirst().first.map(String.init) }
  }

  /// The seed that the engine uses and that the result names: the client's, else one that follows from the
  /// id alone, so that a second run of the same job on another worker gives the same tokens.
  ///
  /// FNV-1a of the id's bytes, finished as in SplitMix64 and cut to 53 bits, which every JSON reader keeps.
  package var effectiveSeed: Int64 {
    if let seed { return seed }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in (id ?? "").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return Self.finished(hash)
  }

  /// The seed of one of several sequences, counted from 0 over all prompts: the first has the request's own.
  package func seed(ofSequence number: Int) -> Int64 {
    if number == 0 { return effectiveSeed }
    return Self.finished(UInt64(bitPattern: effectiveSeed) &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
  }

  private static func finished(_ value: UInt64) -> Int64 {
    var hash = value
    hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
    hash ^= hash >> 31
    return Int64(hash >> 11)
  }

  /// Whether this may name a job: `[A-Za-z0-9_-]{1,64}`.
  package static func isValidID(_ id: String) -> Bool {
    (1...64).contains(id.utf8.count)
      && id.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
