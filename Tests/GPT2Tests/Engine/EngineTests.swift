import Testing

@testable import GPT2

@Suite struct EngineTests {
  private static let config = GPT2Config(
    vocabularySize: 300, contextLength: 64, width: 36, layers: 2, heads: 3)

  private func engine(
    _ quantization: Quantization = .int8, head: ModelHead = .languageModel(tied: true),
    _ change: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> Engine {
    let model = try makeModel(SyntheticModel(config: Self.config, head: head, seed: 11), quantization)
    var configuration = EngineConfiguration()
    change(&configuration)
    return try Engine(model: model, configuration: configuration)
  }

  private func finish(
    _ events: AsyncThrowingStream<GenerationEvent, any Error>
  ) async throws -> (ids: [Int32], text: String, result: GenerationResult) {
    var ids: [Int32] = []
    var text = ""
    for try await event in events {
      switch event {
      case .token(let id, let delta):
        ids.append(id)
        text += delta
      case .finished(let result): return (ids, text, result)
      }
    }
    throw GPT2Error(.unavailable, "the events ended without a result")
  }

  private func tokens(_ engine: Engine, _ request: GenerationRequest) async throws -> [Int32] {
    try await finish(try engine.generate(request)).result.tokens
  }

  /// Requests of many lengths and ways of sampling, as a seeded generator makes them.
  private func requests(_ count: Int, seed: UInt64) -> [GenerationRequest] {
    var generator = SplitMix(seed: seed)
    return (0..<count).map { _ in
      let prompt = (0..<1 + Int(generator.next() % 40)).map { _ in Int32(generator.next() % 300) }
      return GenerationRequest(
        prompt: prompt, maxNewTokens: 1 + Int(generator.next() % 20),
        sampling: SamplingParameters(
          temperature: Float(generator.next() % 3) / 2, topK: Int(generator.next() % 3) * 20,
          topP: generator.next() % 2 == 0 ? 1 : 0.9, seed: generator.next()))
    }
  }

  @Test func greedyTokensAreThoseOfTheForwardPassAlone() async throws {
    let engine = try engine(.f32)
    let prompt: [Int32] = [5, 17, 200, 3]
    let generated = try await tokens(
      engine,
      GenerationRequest(prompt: prompt, maxNewTokens: 12, sampling: SamplingParameters(temperature: 0)))

    // The whole sequence from the beginning for every token, without a cache that was filled before.
    var sequence = prompt
    for _ in 0..<12 {
      let transformer = try Transformer(
        model: engine.model, maxRows: 64, maxSequences: 1, maxContext: 64, threads: 1)
      try transformer.step([Transformer.Segment(slot: 0, tokens: sequence, position: 0)])
      let next = transformer.withLogits(segment: 0) { logits in
        logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }
      }
      sequence.append(Int32(next ?? -1))
    }
    #expect(generated == Array(sequence.dropFirst(prompt.count)))
  }

  @Test(arguments: [Quantization.int8, .f32])
  func aSequenceGetsTheSameTokensAloneAndInAnyBatch(quantization: Quantization) async throws {
    let requests = requests(24, seed: 3)
    let alone = try engine(quantization) { $0.maxBatch = 1 }
    var expected: [[Int32]] = []
    for request in requests { expected.append(try await tokens(alone, request)) }

    for (batch, chunk, threads) in [(8, 128, 1), (5, 3, 2), (24, 7, 3)] {
      let together = try engine(quantization) {
        $0.maxBatch = batch
        $0.promptChunk = chunk
        $0.threads = threads
        $0.rowsPerStep = 32
      }
      let actual = try await withThrowingTaskGroup(of: (Int, [Int32]).self) { group in
        for (index, request) in requests.enumerated() {
          group.addTask { (index, try await self.tokens(together, request)) }
        }
        return try await group.reduce(into: [Int: [Int32]]()) { $0[$1.0] = $1.1 }
      }
      for index in requests.indices {
        #expect(actual[index] == expected[index], "batch \(batch), request \(index)")
      }
    }
  }

  @Test func theDeltasAreTheText() async throws {
    let engine = try engine()
    for request in requests(10, seed: 9) {
      let (ids, text, result) = try await finish(try engine.generate(request))
      #expect(ids == result.tokens)
      #expect(text == result.text || result.text.hasPrefix(text))
      let decoded = try engine.tokenizer.decodeText(ids)
      #expect(result.text == decoded)
      #expect(result.finishReason == .length)
      #expect(result.tokens.count == request.maxNewTokens)
      #expect(result.promptTokens == request.prompt.count)
    }
  }

  @Test func theTextEndsBeforeAStopString() async throws {
    let engine = try engine()
    var request = requests(1, seed: 21)[0]
    request.maxNewTokens = 20
    let whole = try await finish(try engine.generate(request)).result.text
    let characters = Array(whole.unicodeScalars)
    let stop = String(String.UnicodeScalarView(characters[4..<6]))
    request.stop = [stop]
    let cut = try await finish(try engine.generate(request)).result
    #expect(cut.finishReason == .stopSequence)
    #expect(whole.hasPrefix(cut.text + stop))
    #expect(!cut.text.contains(stop))
  }

  @Test func aSequenceThatNobodyReadsAnyMoreLeavesTheBatch() async throws {
    let engine = try engine { $0.maxBatch = 1 }
    let long = GenerationRequest(prompt: [1], maxNewTokens: 60, sampling: SamplingParameters(temperature: 0))
    let abandoned = Task {
      for try await _ in try engine.generate(long) { return }
    }
    try await abandoned.value
    // The only slot is free again, or this would wait for ever.
    let tokens = try await tokens(engine, GenerationRequest(prompt: [2], maxNewTokens: 3))
    #expect(tokens.count == 3)
  }

  @Test func aClassifierGivesOneLogitALabel() async throws {
    let head = ModelHead.classifier(labels: ["no", "yes"], bias: true)
    let engine = try engine(.f32, head: head)
    let logits = try await engine.logits(after: [4, 8, 15])
    #expect(logits.count == 2)
    let again = try await engine.logits(after: [4, 8, 15])
    let other = try await engine.logits(after: [4, 8, 16])
    #expect(again == logits)
    #expect(other != logits)
    #expect(throws: GPT2Error.self) { try engine.generate(GenerationRequest(prompt: [1], maxNewTokens: 1)) }
  }

  @Test func aRequestOutsideTheLimitsIsRefusedAndSaysWhatIsAllowed() throws {
    let engine = try engine()
    let cases: [(GenerationRequest, String)] = [
      (GenerationRequest(prompt: [], maxNewTokens: 1), "no tokens"),
      (GenerationRequest(prompt: [300], maxNewTokens: 1), "vocabulary of 0 to 299"),
      (GenerationRequest(prompt: [-1], maxNewTokens: 1), "token id -1"),
      (GenerationRequest(prompt: [1], maxNewTokens: 0), "at least 1"),
      (GenerationRequest(prompt: [1], maxNewTokens: 64), "context of 64"),
      (
        GenerationRequest(prompt: [1], maxNewTokens: 1, sampling: SamplingParameters(temperature: .nan)),
        "temperature"
      ),
      (GenerationRequest(prompt: [1], maxNewTokens: 1, sampling: SamplingParameters(topP: 0)), "top_p"),
      (GenerationRequest(prompt: [1], maxNewTokens: 1, sampling: SamplingParameters(topK: -1)), "top_k"),
    ]
    for (request, message) in cases {
      let error = #expect(throws: GPT2Error.self) { try engine.generate(request) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
  }

  @Test func shutdownEndsWhatRunsAndRefusesWhatComes() async throws {
    let engine = try engine()
    await engine.shutdown()
    await #expect(throws: GPT2Error.self) {
      try await self.tokens(engine, GenerationRequest(prompt: [1], maxNewTokens: 5))
    }
    await #expect(throws: GPT2Error.self) { try await engine.logits(after: [1]) }
  }

  @Test func theCacheBoundsHowManySequencesRunAtOnce() throws {
    let small = try engine { $0.cacheBytes = 1 << 20 }
    let each = KVCache.bytes(config: Self.config, slots: 1, context: 64, precision: .f16)
    #expect(small.maxSequences == min(32, (1 << 20) / each))
    #expect(throws: GPT2Error.self) { try self.engine { $0.threads = 0 } }
  }
}
