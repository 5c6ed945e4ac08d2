import JobWire
import Testing

/// A request over HTTP and a job on the queue.
@Suite struct JobRequestTests {
  static func decode(
    _ text: String, mode: JobRequest.Source = .http, limits: RequestLimits = .init()
  ) throws(WireError) -> JobRequest {
    try JobRequest.decode(Array(text.utf8), mode: mode, limits: limits)
  }

  /// A request with one more field, given as JSON.
  static func decode(field: String, _ value: String, mode: JobRequest.Source = .http) throws -> JobRequest {
    try decode(#"{"id":"x1","prompt":"p","\#(field)":\#(value)}"#, mode: mode)
  }

  @Test("A prompt alone is enough, and everything else has its default")
  func defaults() throws {
    let request = try Self.decode(#"{"prompt":"Hello"}"#)
    #expect(request == JobRequest(prompts: [.text("Hello")]))
    #expect(request.maxNewTokens == 50)
    #expect(request.temperature == 1)
    #expect(request.topK == 0)
    #expect(request.topP == 1)
    #expect(request.priority == .default)
  }

  @Test("All fields are read")
  func allFields() throws {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    let request = try Self.decode(
      #"""
      {"id":"a_B-9","prompt":"é\n","task_name":"got","max_new_tokens":7,"min_tokens":3,"ignore_eos":true,
       "temperature":0.5,"top_k":40,"top_p":0.9,"min_p":0.1,"typical_p":0.8,"repetition_penalty":1.2,
       "presence_penalty":-0.5,"frequency_penalty":2,"logit_bias":{"50256":-100,"7":1.5},"stop":["a","b"],
       "seed":-9223372036854775808,"n":2,"best_of":2,"logprobs":5,"echo":true,"truncate":false,"priority":"high","ttl_ms":1000,
       "reply_to":"{gpt2}:reply:a","stream":true,"traceparent":"\#(trace)"}
      """#, mode: .queue)
    var expected = JobRequest(id: "a_B-9", prompts: [.text("é\n")], taskName: "got")
    expected.maxNewTokens = 7
    expected.minTokens = 3
    expected.ignoresEndOfText = true
    expected.temperature = 0.5
    expected.topK = 40
    expected.topP = 0.9
    expected.minP = 0.1
    expected.typicalP = 0.8
    expected.repetitionPenalty = 1.2
    expected.presencePenalty = -0.5
    expected.frequencyPenalty = 2
    expected.logitBias = [.init(token: 7, bias: 1.5), .init(token: 50256, bias: -100)]
    expected.stop = ["a", "b"]
    expected.seed = .min
    expected.completions = 2
    expected.bestOf = 2
    expected.logprobs = 5
    expected.echo = true
    expected.truncates = false
    expected.priority = .high
    expected.ttlMilliseconds = 1000
    expected.replyTo = "{gpt2}:reply:a"
    expected.stream = true
    expected.traceparent = trace
    #expect(request == expected)
    #expect(try JobRequest.decode(request.encode(), mode: .queue) == request)
  }

  @Test(
    "A prompt is a text, a list of token ids, or a list of either",
    arguments: [
      (#""a""#, [Prompt.text("a")]), ("[1,2]", [.tokens([1, 2])]), (#"["a"]"#, [.text("a")]),
      (#"["a","b"]"#, [.text("a"), .text("b")]), ("[[1],[2,3]]", [.tokens([1]), .tokens([2, 3])]),
      (#"["a",[5]]"#, [.text("a"), .tokens([5])]),
    ])
  func prompts(json: String, expected: [Prompt]) throws {
    let request = try Self.decode("{\"id\":\"x\",\"prompt\":\(json)}", mode: .queue)
    #expect(request.prompts == expected)
    #expect(try JobRequest.decode(request.encode(), mode: .queue) == request)
  }

  @Test("Without new tokens a prompt is scored or only tokenized")
  func scoring() throws {
    let scoring = try Self.decode(#"{"prompt":"a","echo":true,"max_new_tokens":0,"logprobs":0}"#)
    #expect(scoring.maxNewTokens == 0)
    #expect(!scoring.isTokenization)
    #expect(try Self.decode(#"{"prompt":"a","echo":true,"max_new_tokens":0}"#).isTokenization)
    #expect(try Self.decode(#"{"prompt":"a","logprobs":1,"max_new_tokens":0}"#).isTokenization)
    #expect(try Self.decode(#"{"prompt":"a","max_new_tokens":0,"n":2,"best_of":3}"#).sequencesPerPrompt == 1)
  }

  @Test("The best of several are known at the end, and so are not told token by token")
  func bestOfStream() throws {
    #expect(!(try Self.decode(#"{"prompt":"a","n":1,"best_of":2,"stream":true}"#).tellsTokens))
    #expect(try Self.decode(#"{"prompt":"a","n":2,"best_of":2,"stream":true}"#).tellsTokens)
    #expect(!(try Self.decode(#"{"prompt":"a"}"#).tellsTokens))
    #expect(!(try Self.decode(#"{"prompt":"a","max_new_tokens":0,"echo":true,"stream":true}"#).tellsTokens))
  }

  @Test("A field that is null counts as absent")
  func nulls() throws {
    let names = [
      "task_name", "max_new_tokens", "temperature", "top_k", "top_p", "stop", "seed", "n", "stream",
    ]
    let fields = names.map { "\"\($0)\":null" }.joined(separator: ",")
    #expect(try Self.decode(#"{"prompt":"p",\#(fields)}"#) == JobRequest(prompts: [.text("p")]))
  }

  @Test("An integer may be written with a fraction of zero")
  func integersAsDoubles() throws {
    #expect(try Self.decode(field: "max_new_tokens", "5.0").maxNewTokens == 5)
    #expect(try Self.decode(field: "seed", "1e3").seed == 1000)
    #expect(try Self.decode(field: "seed", "9223372036854775807").seed == .max)
    #expect(try Self.decode(field: "temperature", "1").temperature == 1)
  }

  @Test("One stop string needs no list")
  func oneStop() throws {
    #expect(try Self.decode(field: "stop", #""END""#).stop == ["END"])
    #expect(try Self.decode(field: "stop", "[]").stop == [])
  }

  static let outOfRange: [(field: String, value: String)] = [
    ("id", #""""#), ("id", #""a b""#), ("id", #""é""#), ("id", "\"\(String(repeating: "a", count: 65))\""),
    ("id", "5"), ("id", #""a\u0000""#),
    ("prompt", #""""#), ("prompt", "5"), ("prompt", "[]"), ("prompt", "true"),
    ("prompt", #"["a",5]"#), ("prompt", "[5,\"a\"]"), ("prompt", "[-1]"), ("prompt", "[1.5]"),
    ("prompt", "[[]]"),
    ("prompt", #"["a",""]"#), ("prompt", "[\(Array(repeating: "\"a\"", count: 17).joined(separator: ","))]"),
    ("prompt", "[2147483648]"), ("prompt", "{}"),
    ("task_name", "1"), ("task_name", "\"\(String(repeating: "t", count: 129))\""),
    ("max_new_tokens", "-1"), ("max_new_tokens", "513"), ("max_new_tokens", "1.5"),
    ("max_new_tokens", #""5""#), ("max_new_tokens", "true"), ("max_new_tokens", "1e300"),
    ("max_new_tokens", "99999999999999999999"), ("max_new_tokens", "[]"),
    ("temperature", "-0.1"), ("temperature", #""1""#), ("temperature", "false"), ("temperature", "101"),
    ("temperature", "{}"),
    ("top_k", "-1"), ("top_k", "0.5"), ("top_k", "1000001"), ("top_k", #""40""#),
    ("top_p", "0"), ("top_p", "-0.5"), ("top_p", "1.01"), ("top_p", "true"),
    ("stop", #""""#), ("stop", "5"), ("stop", #"["a",5]"#), ("stop", #"["a",""]"#), ("stop", "{}"),
    ("stop", #"["1","2","3","4","5","6","7","8","9"]"#),
    ("stop", "\"\(String(repeating: "s", count: 257))\""),
    ("seed", "1.5"), ("seed", "9223372036854775808"), ("seed", "-9223372036854775809"), ("seed", "1e18"),
    ("seed", #""1""#),
    ("seed", "true"),
    ("stream", "1"), ("stream", #""true""#), ("stream", "[]"),
    ("priority", #""urgent""#), ("priority", "1"), ("priority", #""HIGH""#),
    ("ttl_ms", "0"), ("ttl_ms", "99"), ("ttl_ms", "-5"), ("ttl_ms", "86400001"), ("ttl_ms", "1.5"),
    ("ttl_ms", #""9""#),
    ("min_tokens", "-1"), ("min_tokens", "513"), ("ignore_eos", "1"),
    ("min_p", "-0.1"), ("min_p", "1.1"), ("min_p", "true"), ("min_p", #""0""#),
    ("typical_p", "0"), ("typical_p", "1.1"), ("repetition_penalty", "0"), ("repetition_penalty", "101"),
    ("presence_penalty", "2.1"), ("presence_penalty", "-2.1"), ("frequency_penalty", #""1""#),
    ("logit_bias", "[]"), ("logit_bias", #"{"a":1}"#), ("logit_bias", #"{"-1":1}"#),
    ("logit_bias", #"{"1":101}"#), ("logit_bias", #"{"05":1}"#), ("logit_bias", #"{"+5":1}"#),
    ("logit_bias", #"{"-0":1}"#), ("logit_bias", #"{"1":"1"}"#), ("logit_bias", #"{"2147483648":1}"#),
    ("n", "0"), ("n", "9"), ("n", "true"), ("best_of", "0"), ("best_of", "9"),
    ("logprobs", "-1"), ("logprobs", "21"), ("logprobs", "true"), ("echo", #""false""#), ("echo", "0"),
    ("truncate", "0"), ("temperature", "1e400"), ("max_new_tokens", "1e400"), ("seed", "-1e400"),
    ("prompt", "[1e400]"), ("stop", "1e400"), ("logit_bias", #"{"1":1e400}"#),
    ("traceparent", #""x""#), ("traceparent", "1"),
    ("traceparent", #""00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01""#),
    ("traceparent", #""00-00000000000000000000000000000000-00f067aa0ba902b7-01""#),
    ("traceparent", #""00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01""#),
    ("traceparent", #""ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01""#),
  ]

  @Test(
    "A message says what was found",
    arguments: [
      ("seed", "9223372036854775808", "found 9223372036854775808"), ("temperature", "1e400", "found 1e400"),
      ("stop", #"["1","2","3","4","5","6","7","8","9"]"#, "found an array of 9"), ("stop", "[1]", "found 1"),
      ("prompt", "[]", "found an empty array"),
    ])
  func found(field: String, value: String, found: String) throws {
    let fields = field == "prompt" ? "" : #""prompt":"x","#
    let error = #expect(throws: WireError.self) { try Self.decode("{\(fields)\"\(field)\":\(value)}") }
    #expect(error?.message.hasSuffix(found) == true, "\(error?.message ?? "")")
  }

  @Test(
    "A value out of range names field and what is allowed, from HTTP and on the queue", arguments: outOfRange)
  func rangeErrors(field: String, value: String) throws {
    let fields = ["id", "prompt"].filter { $0 != field }.map { "\"\($0)\":\"x\"," }.joined()
    for mode in [JobRequest.Source.http, .queue] {
      let error = #expect(throws: WireError.self) {
        try Self.decode("{\(fields)\"\(field)\":\(value)}", mode: mode)
      }
      #expect(error?.kind == .invalid)
      #expect(error?.param == field)
      #expect(error?.message.hasPrefix(field) == true)
    }
  }

  @Test(
    "The lowest and the highest value of each range are accepted",
    arguments: [
      ("id", "\"\(String(repeating: "a", count: 64))\""), ("max_new_tokens", "0"), ("max_new_tokens", "512"),
      ("temperature", "0"), ("temperature", "100"), ("top_k", "0"), ("top_k", "1000000"),
      ("top_p", "1"), ("top_p", "1e-9"), ("min_p", "0"), ("min_p", "1"), ("typical_p", "1e-9"),
      ("repetition_penalty", "100"),
      ("presence_penalty", "-2"), ("frequency_penalty", "2"), ("logit_bias", "{}"),
      ("logit_bias", #"{"0":100,"2147483647":-100}"#), ("n", "8"), ("best_of", "8"), ("logprobs", "0"),
      ("logprobs", "20"), ("min_tokens", "512"), ("ttl_ms", "100"), ("ttl_ms", "86400000"),
      ("stop", #"["1","2","3","4","5","6","7","8"]"#), ("task_name", #""""#), ("priority", #""low""#),
    ])
  func rangeEnds(field: String, value: String) throws {
    let fields = ["id", "prompt"].filter { $0 != field }.map { "\"\($0)\":\"x\"," }.joined()
    #expect(throws: Never.self) { try Self.decode("{\(fields)\"\(field)\":\(value)}") }
  }

  @Test("What counts as too much is a matter of the limits")
  func otherLimits() throws {
    let limits = RequestLimits(maxStopStrings: 2, maxStopLength: 3, maxLogitBiases: 1, maxDepth: 2)
    for fields in [#""stop":["abc","d"]"#, #""stop":"abc""#, #""logit_bias":{"1":1}"#] {
      #expect(throws: Never.self) {
        try Self.decode(#"{"prompt":"x",\#(fields)}"#, limits: limits)
      }
    }
    for (fields, allowed) in [
      (#""stop":["a","b","c"]"#, "up to 2 strings"), (#""stop":"abcd""#, "1 to 3 characters"),
      (#""logit_bias":{"1":1,"2":2}"#, "at most 1 token"), (#""stop":[[]]"#, "more than 2 levels deep"),
    ] {
      let error = #expect(throws: WireError.self) {
        try Self.decode(#"{"prompt":"x",\#(fields)}"#, limits: limits)
      }
      #expect(error?.message.contains(allowed) == true)
    }
  }

  @Test("An unknown field is refused by name over HTTP and ignored on the queue")
  func unknownFields() throws {
    let error = #expect(throws: WireError.self) { try Self.decode(field: "max_tokens", "5") }
    #expect(error?.kind == .unknownField)
    #expect(error?.param == "max_tokens")
    #expect(error?.message.contains("max_new_tokens") == true)
    #expect(throws: Never.self) { try Self.decode(field: "max_tokens", #"{"any":[1]}"#, mode: .queue) }
  }

  @Test("What is not a JSON object is malformed", arguments: ["", "[]", "5", "\"x\"", "null", "{", "a=b"])
  func malformed(text: String) {
    for mode in [JobRequest.Source.http, .queue] {
      let error = #expect(throws: WireError.self) { try Self.decode(text, mode: mode) }
      #expect(error?.kind == .malformed)
    }
  }

  @Test("A job on the queue needs an id and a request over HTTP doesn't")
  func requiredID() throws {
    #expect(try Self.decode(#"{"prompt":"p"}"#).id == nil)
    let error = #expect(throws: WireError.self) { try Self.decode(#"{"prompt":"p"}"#, mode: .queue) }
    #expect(error?.param == "id")
  }

  @Test("The prompt is required")
  func requiredPrompt() {
    for text in [#"{"id":"a"}"#, #"{"id":"a","prompt":null}"#] {
      let error = #expect(throws: WireError.self) { try Self.decode(text, mode: .queue) }
      #expect(error?.param == "prompt")
    }
  }

  @Test("The limits are those of the settings")
  func limits() throws {
    let limits = RequestLimits(maxBodyBytes: 100, maxPromptBytes: 4, maxNewTokens: 20)
    #expect(try Self.decode(#"{"prompt":"aéb"}"#, limits: limits).maxNewTokens == 20)
    #expect(throws: WireError.self) { try Self.decode(#"{"prompt":"éé1"}"#, limits: limits) }
    #expect(throws: WireError.self) {
      try Self.decode(#"{"prompt":"a","max_new_tokens":21}"#, limits: limits)
    }
    let error = #expect(throws: WireError.self) {
      try Self.decode(#"{"prompt":"a"}"# + String(repeating: " ", count: 100), limits: limits)
    }
    #expect(error?.kind == .tooLarge)
  }

  @Test(
    "A reply key outside the reply and inbox keys of the namespace is refused",
    arguments: [
      "{gpt2}:res:x", "{gpt2}:q:default", "reply:x", "{other}:reply:x", "{gpt2}:reply:", "{gpt2}:reply:a b",
      "{gpt2}:reply:\u{E9}", " {gpt2}:reply:a", "{gpt2}:reply:" + String(repeating: "k", count: 256),
    ])
  func replyKeys(key: String) throws {
    let error = #expect(throws: WireError.self) {
      try Self.decode(field: "reply_to", "\"\(key)\"", mode: .queue)
    }
    #expect(error?.param == "reply_to")
  }

  @Test("A reply key of the namespace is accepted on the queue and refused over HTTP")
  func replyKeyModes() throws {
    for key in ["{gpt2}:reply:x1", "{gpt2}:inbox:gw-1"] {
      #expect(try Self.decode(field: "reply_to", "\"\(key)\"", mode: .queue).replyTo == key)
      #expect(throws: WireError.self) { try Self.decode(field: "reply_to", "\"\(key)\"") }
    }
    let text = Array(#"{"id":"a","prompt":"p","reply_to":"{eu}:reply:a"}"#.utf8)
    #expect(throws: Never.self) {
      try JobRequest.decode(text, mode: .queue, limits: RequestLimits(queueNamespace: "eu"))
    }
  }

  @Test("The envelope is read even from a job that is refused")
  func envelope() {
    let wrong = #"{"id":"x1","prompt":5,"ttl_ms":700,"reply_to":"{gpt2}:reply:x1","n":3}"#
    #expect(
      JobRequest.peek(Array(wrong.utf8))
        == JobRequest.Envelope(id: "x1", replyTo: "{gpt2}:reply:x1", ttlMilliseconds: 700))
    let worse = #"{"id":"x 1","ttl_ms":"7","reply_to":"{gpt2}:res:x1"}"#
    #expect(JobRequest.peek(Array(worse.utf8)) == JobRequest.Envelope())
    #expect(JobRequest.peek(Array("{".utf8)) == JobRequest.Envelope())
  }

  @Test("The seed follows from the id unless one is given, and every JSON reader keeps it")
  func seeds() {
    let seed = JobRequest(id: "x1", prompts: [.text("a")]).effectiveSeed
    #expect(seed == JobRequest(id: "x1", prompts: [.text("b")], taskName: "got").effectiveSeed)
    var seeded = JobRequest(id: "x1", prompts: [.text("a")])
    seeded.seed = -3
    #expect(seeded.effectiveSeed == -3)
    #expect(seeded.seed(ofSequence: 0) == -3)
    #expect(Set((0..<100).map { seeded.seed(ofSequence: $0) }).count == 100)
    let seeds = (0..<1000).map { JobRequest(id: "job-\($0)", prompts: [.text("a")]).effectiveSeed }
    #expect(Set(seeds).count == 1000)
    #expect(seeds.allSatisfy { (0..<(1 << 53)).contains($0) })
  }

  @Test("The seed of an id never changes from one version to the next")
  func recordedSeeds() {
    #expect(JobRequest(id: "x1", prompts: [.text("a")]).effectiveSeed == 7_005_634_565_049_075)
  }
}
