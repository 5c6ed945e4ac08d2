/// What a client asks for: the body of `POST /generate` and, with an `id`, a job on the queue.
///
/// Only `decode` makes one from outside input, so that every value is in its range. Fields of the interface
/// that this version can't honour aren't here: `decode` refuses them by name (`UnsupportedField`).
package struct JobRequest: Sendable, Equatable {
  /// Which list the job waits in.
  package enum Priority: String, Sendable, CaseIterable {
    case high, `default`, low
  }

  /// `[A-Za-z0-9_-]{1,64}`; on the queue never `nil`.
  package var id: String?
  package var prompt: String
  package var taskName: String?
  package var maxNewTokens: Int
  /// 0 is greedy.
  package var temperature: Double
  /// 0 is off.
  package var topK: Int
  /// 1 is off.
  package var topP: Double
  package var stop: [String]
  package var seed: Int64?
  package var priority: Priority
  /// The job is dropped as expired when no worker began it in that time.
  package var ttlMilliseconds: Int?
  /// `{gpt2}:reply:…` (a list) or `{gpt2}:inbox:…` (a stream); only from direct producers.
  package var replyTo: String?
  /// Whether the requester wants the tokens as they come.
  package var stream: Bool
  /// W3C trace context, carried into logs.
  package var traceparent: String?

  package init(
    id: String? = nil, prompt: String, taskName: String? = nil,
    maxNewTokens: Int = RequestLimits.defaultNewTokens, temperature: Double = 1, topK: Int = 0,
    topP: Double = 1, stop: [String] = [], seed: Int64? = nil, priority: Priority = .default,
    ttlMilliseconds: Int? = nil, replyTo: String? = nil, stream: Bool = false, traceparent: String? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.taskName = taskName
    self.maxNewTokens = maxNewTokens
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.stop = stop
    self.seed = seed
    self.priority = priority
    self.ttlMilliseconds = ttlMilliseconds
    self.replyTo = replyTo
    self.stream = stream
    self.traceparent = traceparent
  }

  /// The seed that the engine uses and that the result names: the client's, else one that follows from the
  /// id alone, so that a second run of the same job on another worker gives the same tokens.
  ///
  /// FNV-1a of the id's bytes, finished as in SplitMix64 and cut to 53 bits, which every JSON reader keeps.
  package var effectiveSeed: Int64 {
    if let seed { return seed }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in (id ?? "").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
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

  /// The job as JSON in the order of `api.md`, without what has its default; `decode` gives the same again.
  package func encode() -> [UInt8] {
    JSONValue.fields([
      ("id", id.map { .string($0) }),
      ("prompt", .string(prompt)),
      ("task_name", taskName.map { .string($0) }),
      ("max_new_tokens", .integer(Int64(maxNewTokens))),
      ("temperature", temperature == 1 ? nil : .double(temperature)),
      ("top_k", topK == 0 ? nil : .integer(Int64(topK))),
      ("top_p", topP == 1 ? nil : .double(topP)),
      ("stop", stop.isEmpty ? nil : .array(stop.map { .string($0) })),
      ("seed", seed.map { .integer($0) }),
      ("stream", stream ? .bool(true) : nil),
      ("priority", priority == .default ? nil : .string(priority.rawValue)),
      ("ttl_ms", ttlMilliseconds.map { .integer(Int64($0)) }),
      ("reply_to", replyTo.map { .string($0) }),
      ("traceparent", traceparent.map { .string($0) }),
    ]).encoded
  }
}
