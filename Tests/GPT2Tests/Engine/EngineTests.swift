import Synchronization
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
      case .token(let id, let delta, _):
        ids.append(id)
        text += delta
      case .finished(let result): return (ids, text, result)
      case .withdrawn: break
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
      sequence.append(greedyToken(transformer.logits()))
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

  @Test func whatIsNoLongerWantedEndsWithoutAResult() async throws {
    let classifier = try engine(.f32, head: .classifier(labels: ["no", "yes"], bias: true))
    await #expect(throws: CancellationError.self) {
      try await classifier.logits(after: [4, 8, 15], isUnwanted: { true })
    }
    let engine = try engine()
    let steps = Atomic(0)
    var tokens: [Int] = []
    for try await event in try engine.generate(
      GenerationRequest(prompt: [1], maxNewTokens: 60, ignoresEndOfText: true),
      isUnwanted: { steps.add(1, ordering: .relaxed).newValue > 4 })
    {
      switch event {
      case .token: tokens.append(tokens.count)
      case .finished: Issue.record("it has a result")
      case .withdrawn(let count): #expect(count == tokens.count)
      }
    }
    #expect((1...8).contains(tokens.count))
  }

  @Test func withoutTokenEventsOnlyTheResultComes() async throws {
    let engine = try engine()
    var request = GenerationRequest(prompt: [1, 2], maxNewTokens: 5, sampling: .init(seed: 3))
    let told = try await finish(try engine.generate(request)).result
    request.reportsTokens = false
    let untold = try await finish(try engine.generate(request))
    #expect(untold.ids.isEmpty)
    #expect(untold.result.tokens == told.tokens)
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

  @Test func aSmallCacheMakesSequencesWaitInsteadOfFail() async throws {
    // Room for one sequence of the whole context, and 24 that want much of it at once.
    let small = try engine {
      $0.cacheBytes = 1
      $0.maxBatch = 8
    }
    let large = try engine { $0.maxBatch = 1 }
    let requests = requests(24, seed: 31)
    let actual = try await withThrowingTaskGroup(of: (Int, [Int32]).self) { group in
      for (index, request) in requests.enumerated() {
        group.addTask { (index, try await self.tokens(small, request)) }
      }
      return try await group.reduce(into: [Int: [Int32]]()) { $0[$1.0] = $1.1 }
    }
    for (index, request) in requests.enumerated() {
      #expect(try await tokens(large, request) == actual[index])
    }
    await small.waitForRoom()
    #expect(throws: GPT2Error.self) { try self.engine { $0.threads = 0 } }
  }

  @Test func aCommonBeginningIsComputedOnce() async throws {
    let engine = try engine { $0.speculates = false }
    let beginning = (0..<40).map { Int32($0 * 7 % 300) }
    let request = GenerationRequest(prompt: beginning, maxNewTokens: 8, sampling: .init(seed: 1))
    let alone = try await finish(try engine.generate(request)).result
    #expect(alone.reusedTokens == 0)

    // n completions of one prompt: the same tokens as ever, and only the last page is computed again.
    let several = try await withThrowingTaskGroup(of: GenerationResult.self) { group in
      for seed in 1...5 {
        group.addTask {
          var request = request
          request.sampling.seed = UInt64(seed)
          return try await self.finish(try engine.generate(request)).result
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(several.allSatisfy { $0.reusedTokens == 32 })
    #expect(several.contains { $0.tokens == alone.tokens })
    #expect(Set(several.map(\.tokens)).count > 1)

    var other = request
    other.cacheSalt = 5
    let result = try await finish(try engine.generate(other)).result
    #expect(result.reusedTokens == 0, "somebody else's text")
    #expect(result.tokens == alone.tokens)
  }

  @Test func aTextThatRepeatsItselfTakesFewerSteps() async throws {
    let prompt = (0..<4).flatMap { _ in [3, 141, 59, 26, 5] as [Int32] }
    let request = GenerationRequest(prompt: prompt, maxNewTokens: 40, sampling: .init(temperature: 0))
    let plain = try await finish(try engine { $0.speculates = false }.generate(request)).result
    let speculated = try await finish(try engine().generate(request)).result
    #expect(plain.tokens == speculated.tokens)
    #expect(plain.speculatedTokens == 0)
    #expect(speculated.speculatedTokens > 10, "\(speculated.speculatedTokens)")
  }
}

/// Whatever shares a step, whatever is proposed, shared or cut into pieces: a request gets the tokens that it gets alone
/// from a plain engine.
@Suite struct EngineInvarianceTests {
  private static let config = GPT2Config(
    vocabularySize: 60, contextLength: 96, width: 32, layers: 2, heads: 2, innerWidth: 64)

  private func engine(
    _ model: Model, _ change: (inout EngineConfiguration) -> Void
  ) throws -> Engine {
    var configuration = EngineConfiguration()
    change(&configuration)
    return try Engine(model: model, configuration: configuration)
  }

  private func tokens(_ engine: Engine, _ request: GenerationRequest) async throws -> GenerationResult {
    for try await event in try engine.generate(request) {
      if case .finished(let result) = event { return result }
    }
    throw GPT2Error(.unavailable, "no result")
  }

  /// Requests whose texts often begin alike and repeat themselves.
  private func request(_ generator: inout SplitMix) -> GenerationRequest {
    let kind = generator.next() % 4
    let length = 1 + Int(generator.next() % 70)
    let period = 1 + Int(generator.next() % 9)
    let prompt = (0..<length).map { position -> Int32 in
      switch kind {
      case 0: Int32(generator.next() % 60)
      case 1: Int32(position % period)
      default: Int32(position * 13 % 60)
      }
    }
    var request = GenerationRequest(
      prompt: prompt, maxNewTokens: 1 + Int(generator.next() % UInt64(min(24, 96 - length))),
      sampling: SamplingParameters(
        temperature: [0, 0, 0.3, 1][Int(generator.next() % 4)], topK: Int(generator.next() % 3) * 5,
        topP: generator.next() % 2 == 0 ? 1 : 0.9, seed: generator.next()),
      cacheSalt: generator.next() % 2)
    // Half of them plain, the others with some of what changes the choice or is told of it.
    let extras = generator.next() % 2 == 0 ? generator.next() : 0
    if extras & 1 != 0 { request.sampling.minP = 0.05 }
    if extras & 2 != 0 { request.sampling.typicalP = 0.9 }
    if extras & 4 != 0 { request.sampling.repetitionPenalty = 1.1 }
    if extras & 8 != 0 { request.sampling.frequencyPenalty = -0.3 }
    if extras & 16 != 0 { request.sampling.logitBias = [5: 1, 50256 % 60: 3] }
    if extras & 32 != 0 { request.minNewTokens = request.maxNewTokens / 2 }
    if extras & 64 != 0 { request.topLogprobs = Int(generator.next() % 4) }
    if extras & 128 != 0 { request.scoresPrompt = true }
    if extras & 256 != 0, request.scoresPrompt { (request.maxNewTokens, request.minNewTokens) = (0, 0) }
    return request
  }

  @Test(arguments: Quantization.allCases, KVMemory.Precision.allCases)
  func everyRequestGetsTheTokensThatItGetsAlone(
    _ quantization: Quantization, _ precision: KVMemory.Precision
  ) async throws {
    let model = try makeModel(
      SyntheticModel(config: Self.config, head: .languageModel(tied: true), seed: 5), quantization)
    var generator = SplitMix(seed: 77)
    var speculated = 0
    var reused = 0
    for mix in 0..<12 {
      let requests = (0..<24).map { _ in request(&generator) }
      let plain = try engine(model) {
        $0.maxBatch = 1
        $0.maxContext = 96
        $0.speculates = false
        $0.sharesPrefixes = false
        $0.cachePrecision = precision
      }
      let mixed = try engine(model) {
        $0.maxBatch = 1 + mix
        $0.maxContext = 96
        $0.threads = 1 + mix % 3
        $0.promptChunk = [128, 5, 16, 33][mix % 4]
        $0.rowsPerStep = [256, 24][mix % 2]
        $0.speculativeRows = [8, 4, 16][mix % 3]
        // From room for one long sequence to room for all.
        $0.cacheBytes = [1, 1 << 20][mix % 2]
        $0.cachePrecision = precision
      }
      let actual = try await withThrowingTaskGroup(of: (Int, GenerationResult).self) { group in
        for (index, request) in requests.enumerated() {
          group.addTask { (index, try await self.tokens(mixed, request)) }
        }
        return try await group.reduce(into: [Int: GenerationResult]()) { $0[$1.0] = $1.1 }
      }
      for (index, request) in requests.enumerated() {
        let expected = try await tokens(plain, request)
        #expect(actual[index]?.tokens == expected.tokens, "mix \(mix), request \(index)")
        #expect(actual[index]?.logprobs == expected.logprobs, "mix \(mix), request \(index)")
        #expect(actual[index]?.promptLogprobs == expected.promptLogprobs, "mix \(mix), request \(index)")
        speculated += actual[index]?.speculatedTokens ?? 0
        reused += actual[index]?.reusedTokens ?? 0
      }
    }
    #expect(speculated > 100, "the mixes must speculate to show anything: \(speculated)")
    #expect(reused > 100, "the mixes must share to show anything: \(reused)")
  }
}
