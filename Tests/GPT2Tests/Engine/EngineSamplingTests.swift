import Testing

@testable import GPT2

/// The fields of a request that change or tell what is chosen.
@Suite struct EngineSamplingTests {
  private static let config = GPT2Config(
    vocabularySize: 60, contextLength: 96, width: 32, layers: 2, heads: 2, innerWidth: 64)
  private static let endOfText: Int32 = 7

  private func engine(
    _ quantization: Quantization = .int8, _ change: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> Engine {
    var configuration = EngineConfiguration()
    change(&configuration)
    return try Engine(
      model: makeModel(
        SyntheticModel(config: Self.config, head: .languageModel(tied: true), seed: 5), quantization,
        metadata: ModelMetadata(endOfText: Self.endOfText)), configuration: configuration)
  }

  private func result(_ engine: Engine, _ request: GenerationRequest) async throws -> GenerationResult {
    for try await event in try engine.generate(request) {
      if case .finished(let result) = event { return result }
    }
    throw GPT2Error(.unavailable, "no result")
  }

  /// A text that is easily proposed from.
  private static let prompt = (0..<30).map { Int32($0 % 5 * 11) }

  @Test(arguments: [
    SamplingParameters(temperature: 0, repetitionPenalty: 1.5),
    SamplingParameters(temperature: 0, presencePenalty: 2, frequencyPenalty: 1),
    SamplingParameters(temperature: 0, logitBias: [3: 4, 44: -4, 7: 6]),
    SamplingParameters(seed: 3, minP: 0.1, repetitionPenalty: 1.1),
    SamplingParameters(temperature: 0.7, topK: 20, topP: 0.9, seed: 4, typicalP: 0.8),
    SamplingParameters(
      temperature: 0.5, topP: 0.95, seed: 5, minP: 0.02, typicalP: 0.9, repetitionPenalty: 0.9,
      presencePenalty: -1, frequencyPenalty: -0.5, logitBias: [0: 2]),
  ])
  func aTextIsWhatAPlainLoopOverTheForwardPassMakes(_ parameters: SamplingParameters) async throws {
    let speculating = try engine(.f32)
    let plain = try engine(.f32) {
      $0.speculates = false
      $0.sharesPrefixes = false
    }
    let reference = SamplingReference(parameters: parameters)
    let sampler = Sampler(parameters, level: .scalar)
    var new: [Int32] = []
    let minimum = 12
    while new.count < 40 {
      let logits = try await plain.logits(after: Self.prompt + new)
      let scores = reference.processed(
        logits, prompt: Self.prompt, new: new, forbidden: new.count < minimum ? Self.endOfText : nil)
      let token =
        parameters.temperature == 0
        ? Int32(scores.indices.max { scores[$0] < scores[$1] } ?? 0)
        : SamplingReference.drawn(scores, uniform: sampler.uniform(at: Self.prompt.count + new.count))
      if token == Self.endOfText { break }
      new.append(token)
    }
    let request = GenerationRequest(
      prompt: Self.prompt, maxNewTokens: 40, sampling: parameters, minNewTokens: minimum)
    for engine in [plain, speculating] {
      let actual = try await result(engine, request)
      #expect(actual.tokens == new)
      #expect(actual.finishReason == (new.count < 40 ? .stop : .length))
    }
  }

  @Test func aProposedTokenCountsInThePenaltiesOfTheTokensBehindIt() async throws {
    // With a negative penalty a text repeats itself and is proposed rightly, as long as the counts are right.
    var speculated = 0
    for seed in 0..<8 as Range<UInt64> {
      let request = GenerationRequest(
        prompt: Self.prompt, maxNewTokens: 60,
        sampling: SamplingParameters(
          temperature: Float(seed % 3) / 2, seed: seed, repetitionPenalty: 0.9, presencePenalty: -0.5,
          frequencyPenalty: seed % 2 == 0 ? -0.4 : 0.05), ignoresEndOfText: true, topLogprobs: 3)
      let plain = try await result(try engine { $0.speculates = false }, request)
      let proposed = try await result(try engine(), request)
      #expect(plain.tokens == proposed.tokens)
      #expect(plain.logprobs == proposed.logprobs)
      speculated += proposed.speculatedTokens
    }
    #expect(speculated > 50, "\(speculated)")
  }

  @Test func endOfTextCannotComeBeforeTheLeastNumberOfTokens() async throws {
    let engine = try engine()
    for temperature: Float in [0, 1] {
      // A model that would always stop at once.
      var request = GenerationRequest(
        prompt: Self.prompt, maxNewTokens: 20,
        sampling: SamplingParameters(temperature: temperature, seed: 1, logitBias: [Self.endOfText: 100]))
      #expect(try await result(engine, request).tokens.isEmpty)
      request.minNewTokens = 13
      let early = try await result(engine, request)
      #expect(early.tokens.count == 13)
      #expect(early.finishReason == .stop)
      #expect(!early.tokens.contains(Self.endOfText))

      // Whoever ignores it gets it as a token, but not before either.
      request.ignoresEndOfText = true
      let ignored = try await result(engine, request)
      #expect(ignored.tokens == early.tokens + Array(repeating: Self.endOfText, count: 7))
      #expect(ignored.finishReason == .length)
    }
  }

  @Test(arguments: [Quantization.int8, .f32])
  func scoringAPromptGivesTheLogprobsOfGeneratingItsTokens(quantization: Quantization) async throws {
    for chunk in [128, 7] {
      let engine = try engine(quantization) { $0.promptChunk = chunk }
      let prompt = Array(Self.prompt.prefix(9))
      let generated = try await result(
        engine,
        GenerationRequest(
          prompt: prompt, maxNewTokens: 80,
          sampling: SamplingParameters(temperature: 1.2, seed: 8, minP: 0.01),
          ignoresEndOfText: true, topLogprobs: 4))
      #expect(generated.logprobs.count == 80)
      let whole = prompt + generated.tokens
      let scored = try await result(
        engine, GenerationRequest(prompt: whole, maxNewTokens: 0, topLogprobs: 4, scoresPrompt: true))
      #expect(scored.finishReason == .length)
      #expect(scored.tokens.isEmpty && scored.logprobs.isEmpty && scored.text.isEmpty)
      #expect(scored.reusedTokens == 0)
      #expect(scored.promptLogprobs.count == whole.count)
      #expect(scored.promptLogprobs.first == .some(nil))
      #expect(Array(scored.promptLogprobs.suffix(80)) == generated.logprobs)
    }
  }

  @Test func aScoredPromptCanBeContinuedAsIfItWereNot() async throws {
    let engine = try engine()
    var request = GenerationRequest(prompt: Self.prompt, maxNewTokens: 20, sampling: .init(seed: 4))
    let plain = try await result(engine, request)
    #expect(plain.logprobs.isEmpty && plain.promptLogprobs.isEmpty)
    request.scoresPrompt = true
    let scored = try await result(engine, request)
    #expect(scored.tokens == plain.tokens)
    #expect(scored.logprobs.isEmpty, "of the new tokens none were asked for")
    #expect(scored.promptLogprobs.dropFirst().allSatisfy { $0?.top == [] })
    let single = try await result(
      engine, GenerationRequest(prompt: [4], maxNewTokens: 0, scoresPrompt: true))
    #expect(single.promptLogprobs == [nil])
  }

  @Test func aScoredPromptTakesNoSharedPagesButOffersItsOwn() async throws {
    let engine = try engine()
    let scoring = GenerationRequest(prompt: Self.prompt, maxNewTokens: 0, scoresPrompt: true)
    let first = try await result(engine, scoring)
    let second = try await result(engine, scoring)
    #expect(second.reusedTokens == 0)
    #expect(first.promptLogprobs == second.promptLogprobs)
    let other = try await result(engine, GenerationRequest(prompt: Self.prompt, maxNewTokens: 1))
    #expect(other.reusedTokens == 16)
  }

  @Test func theEventsTellTheLogprobsOfTheResult() async throws {
    let engine = try engine()
    var told: [TokenLogprobs?] = []
    var finished: GenerationResult?
    for try await event in try engine.generate(
      GenerationRequest(
        prompt: Self.prompt, maxNewTokens: 12, sampling: .init(temperature: 0), ignoresEndOfText: true,
        topLogprobs: 2))
    {
      switch event {
      case .token(let id, _, let logprobs):
        told.append(logprobs)
        #expect(logprobs?.top.first?.id == id, "greedy takes the most likely")
        #expect(logprobs?.top.first?.logprob == logprobs?.logprob)
        #expect(logprobs?.top.count == 2)
      case .finished(let result): finished = result
      case .withdrawn: Issue.record("nobody withdrew it")
      }
    }
    #expect(told.count == 12)
    #expect(finished?.logprobs == told.compactMap { $0 })
  }

  @Test func logprobsAreThoseOfTheModelWhateverIsDoneToItsLogits() async throws {
    let engine = try engine(.f32)
    let changed = try await result(
      engine,
      GenerationRequest(
        prompt: Self.prompt, maxNewTokens: 10,
        sampling: SamplingParameters(
          temperature: 0.2, topK: 3, seed: 2, repetitionPenalty: 2, presencePenalty: 1, logitBias: [9: 5]),
        ignoresEndOfText: true, topLogprobs: 0))
    for (index, logprobs) in changed.logprobs.enumerated() {
      let logits = try await engine.logits(after: Self.prompt + changed.tokens.prefix(index))
      let expected = SamplingReference.logprobs(logits)[Int(changed.tokens[index])]
      #expect(abs(Double(logprobs.logprob) - expected) < 1e-5)
      #expect(logprobs.top.isEmpty)
    }
  }

  @Test(arguments: RecordedModel.all.filter { $0.labels == nil })
  func aScoredPromptHasTheLogprobsOfPyTorch(_ record: RecordedModel) async throws {
    let engine = try Engine(model: makeModel(record.source, .f32))
    let scored = try await result(
      engine,
      GenerationRequest(prompt: record.tokens, maxNewTokens: 0, topLogprobs: 5, scoresPrompt: true))
    #expect(scored.promptLogprobs.count == record.tokens.count)
    for (position, logprobs) in scored.promptLogprobs.enumerated().dropFirst() {
      let expected = SamplingReference.logprobs(record.logits(at: position - 1))
      let actual = try #require(logprobs)
      #expect(abs(Double(actual.logprob) - expected[Int(record.tokens[position])]) < 2e-4)
      let best = expected.sorted(by: >).prefix(5)
      #expect(zip(actual.top, best).allSatisfy { abs(Double($0.logprob) - $1) < 2e-4 })
      #expect(actual.top.allSatisfy { abs(Double($0.logprob) - expected[Int($0.id)]) < 2e-4 })
    }
  }

  @Test func valuesOutsideTheirLimitsAreRefusedByName() throws {
    let engine = try engine()
    func sampling(_ change: (inout SamplingParameters) -> Void) -> GenerationRequest {
      var request = GenerationRequest(prompt: [1], maxNewTokens: 4)
      change(&request.sampling)
      return request
    }
    let refused: [(String, GenerationRequest)] = [
      ("min_p", sampling { $0.minP = -0.1 }), ("min_p", sampling { $0.minP = 1.1 }),
      ("min_p", sampling { $0.minP = .nan }),
      ("typical_p", sampling { $0.typicalP = 0 }), ("typical_p", sampling { $0.typicalP = .nan }),
      ("repetition_penalty", sampling { $0.repetitionPenalty = 0 }),
      ("repetition_penalty", sampling { $0.repetitionPenalty = .infinity }),
      ("presence_penalty", sampling { $0.presencePenalty = 2.1 }),
      ("frequency_penalty", sampling { $0.frequencyPenalty = -2.1 }),
      ("frequency_penalty", sampling { $0.frequencyPenalty = .nan }),
      ("vocabulary of 0 to 59", sampling { $0.logitBias = [60: 1] }),
      ("token id -1", sampling { $0.logitBias = [-1: 1] }),
      ("logit_bias", sampling { $0.logitBias = [1: 101] }),
      ("logit_bias", sampling { $0.logitBias = [1: -.infinity] }),
      ("logprobs", GenerationRequest(prompt: [1], maxNewTokens: 4, topLogprobs: 21)),
      ("logprobs", GenerationRequest(prompt: [1], maxNewTokens: 4, topLogprobs: -1)),
      ("min_tokens", GenerationRequest(prompt: [1], maxNewTokens: 4, minNewTokens: 5)),
      ("min_tokens", GenerationRequest(prompt: [1], maxNewTokens: 4, minNewTokens: -1)),
      ("max_new_tokens", GenerationRequest(prompt: [1], maxNewTokens: 0)),
      ("max_new_tokens", GenerationRequest(prompt: [1], maxNewTokens: -1, scoresPrompt: true)),
    ]
    for (name, request) in refused {
      let error = #expect(throws: GPT2Error.self) { try engine.generate(request) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(name) == true, "\(error?.message ?? "")")
    }
    for request in [
      sampling { $0.minP = 1 }, sampling { $0.typicalP = 1e-6 }, sampling { $0.presencePenalty = -2 },
      sampling { $0.logitBias = [59: 100, 0: -100] },
      GenerationRequest(prompt: [1], maxNewTokens: 4, minNewTokens: 4, topLogprobs: 20),
    ] {
      _ = try engine.generate(request)
    }
  }
}
