import Testing

@testable import GPT2

/// Many draws with one seed against the probabilities that a plain reference says.
@Suite struct SamplingDistributionTests {
  private static let parameters = [
    SamplingParameters(seed: 1),
    SamplingParameters(temperature: 0.6, topK: 5, seed: 2),
    SamplingParameters(topP: 0.8, seed: 3),
    SamplingParameters(temperature: 1.5, seed: 4, minP: 0.15),
    SamplingParameters(seed: 5, typicalP: 0.5),
    SamplingParameters(temperature: 2, topK: 9, topP: 0.95, seed: 6, minP: 0.05, typicalP: 0.9),
    SamplingParameters(seed: 7, repetitionPenalty: 1.8),
    SamplingParameters(seed: 8, repetitionPenalty: 0.7, presencePenalty: 0.6),
    SamplingParameters(seed: 9, presencePenalty: -1.1, frequencyPenalty: 0.9),
    SamplingParameters(seed: 10, frequencyPenalty: -0.7),
    SamplingParameters(seed: 11, logitBias: [0: -100, 4: 2.5, 7: -1]),
    SamplingParameters(
      temperature: 1.3, topK: 10, topP: 0.9, seed: 12, minP: 0.02, typicalP: 0.95, repetitionPenalty: 1.2,
      presencePenalty: 0.3, frequencyPenalty: 0.2, logitBias: [2: 1, 11: 3]),
  ]
  private static let logits: [Float] = [2, 1, 0.5, -1, -3, 1.5, 2.2, 0.1, -0.4, 1.1, -2, 0.7]
  private static let prompt: [Int32] = [6, 3, 3, 9]
  private static let new: [Int32] = [0, 5, 0, 0, 3]

  @Test(arguments: parameters, [nil, 5] as [Int32?])
  func tokensAreDrawnAsOftenAsTheReferenceSays(_ parameters: SamplingParameters, forbidden: Int32?) {
    let expected = SamplingReference.probabilities(
      SamplingReference(parameters: parameters)
        .processed(Self.logits, prompt: Self.prompt, new: Self.new, forbidden: forbidden))
    var history = TokenHistory(prompt: Self.prompt, parameters)
    for token in Self.new { history?.append(token) }
    let draws = 20_000
    var counts = [Int](repeating: 0, count: expected.count)
    var scratch = [Float](repeating: .nan, count: Sampler.scratchCount(expected.count))
    let sampler = Sampler(parameters, level: .scalar)
    for position in 0..<draws {
      let id = scratch.withUnsafeMutableBufferPointer { scratch in
        Self.logits.withUnsafeBufferPointer {
          sampler.choose($0, at: position, after: history, forbidding: forbidden, scratch: scratch)
        }
      }
      counts[Int(id)] += 1
    }
    for id in expected.indices where expected[id] == 0 { #expect(counts[id] == 0) }
    // Pearson's statistic with 11 degrees of freedom, or fewer, is below 31.3 in 99.9 % of all series.
    let statistic = zip(counts, expected).reduce(0.0) { sum, pair in
      let mean = pair.1 * Double(draws)
      return mean == 0 ? sum : sum + (Double(pair.0) - mean) * (Double(pair.0) - mean) / mean
    }
    #expect(statistic < 31.3)
    #expect(expected.count { $0 > 0 } > 1, "something must be left to chance")
  }

  @Test func aLargeVocabularyIsCutAsTheReferenceCutsIt() {
    var generator = SplitMix(seed: 12)
    for round in 0..<40 {
      let count = 1 + Int(generator.next() % 3000)
      let logits = (0..<count).map { _ in Float(generator.next() % 1_000_000) / 100_000 }
      var parameters = SamplingParameters(temperature: [0.5, 1, 2][round % 3])
      if round % 2 == 0 { parameters.typicalP = Float(1 + generator.next() % 99) / 100 }
      if round % 3 == 0 { parameters.topP = Float(1 + generator.next() % 99) / 100 }
      if round % 4 != 0 { parameters.minP = Float(generator.next() % 100) / 1000 }
      if round % 5 == 0 { parameters.topK = 1 + Int(generator.next() % UInt64(count)) }
      let expected = SamplingReference(parameters: parameters).processed(logits)
      for level in availableLevels {
        var weights = [Float](repeating: .nan, count: count)
        let different = weights.withUnsafeMutableBufferPointer { weights in
          logits.withUnsafeBufferPointer { logits in
            let (_, cut) = Sampler(parameters, level: level).candidates(logits, weights: weights)
            return weights.indices.count { cut.keeps(weights[$0], $0) != (expected[$0] > -.infinity) }
          }
        }
        // A last bit may decide about a token at an edge: a typical set has two.
        #expect(different <= 2, "round \(round)")
      }
    }
  }

  @Test func equalsOfTheLastTypicalTokenAreKept() {
    let logits: [Float] = [1, 0, 0, 0, 0, 0, 0, 0, -3]
    var scratch = [Float](repeating: 0, count: Sampler.scratchCount(logits.count))
    let sampler = Sampler(SamplingParameters(typicalP: 0.1), level: .scalar)
    let chosen = Set(
      (0..<500).map { position in
        scratch.withUnsafeMutableBufferPointer { scratch in
          logits.withUnsafeBufferPointer { sampler.choose($0, at: position, scratch: scratch) }
        }
      })
    #expect(chosen == Set(1...7))
  }

  @Test func greedyHonoursBiasPenaltiesAndWhatIsForbidden() {
    func choose(_ parameters: SamplingParameters, forbidding: Int32? = nil) -> Int32 {
      var history = TokenHistory(prompt: Self.prompt, parameters)
      for token in Self.new { history?.append(token) }
      var scratch = [Float](repeating: 0, count: Sampler.scratchCount(Self.logits.count))
      return scratch.withUnsafeMutableBufferPointer { scratch in
        Self.logits.withUnsafeBufferPointer {
          Sampler(parameters, level: .scalar)
            .choose($0, at: 0, after: history, forbidding: forbidding, scratch: scratch)
        }
      }
    }
    #expect(choose(.init(temperature: 0)) == 6)
    #expect(choose(.init(temperature: 0), forbidding: 6) == 0)
    #expect(choose(.init(temperature: 0, logitBias: [4: 6])) == 4)
    #expect(choose(.init(temperature: 0, repetitionPenalty: 3)) == 1, "6, 0 and 5 came before")
    #expect(choose(.init(temperature: 0, presencePenalty: -0.3)) == 0, "6 is not in the new text")
    #expect(choose(.init(temperature: 0, frequencyPenalty: -2)) == 0, "three times")
  }

  @Test func valuesThatAreNoNumbersNeverCrashNorHang() {
    let parameters = SamplingParameters(topP: 0.9, minP: 0.1, typicalP: 0.5, repetitionPenalty: 2)
    for logits: [Float] in [
      [.nan, 1, 2], [.nan, .nan], [.infinity, .infinity, 0], [-.infinity, -.infinity], [-.infinity, 0], [0],
    ] {
      for temperature: Float in [0, .leastNonzeroMagnitude, 1, .greatestFiniteMagnitude] {
        var parameters = parameters
        parameters.temperature = temperature
        var scratch = [Float](repeating: .nan, count: Sampler.scratchCount(logits.count))
        let history = TokenHistory(prompt: [0, 1, 700, -5], parameters)
        let id = scratch.withUnsafeMutableBufferPointer { scratch in
          logits.withUnsafeBufferPointer {
            Sampler(parameters, level: .scalar)
              .choose($0, at: 3, after: history, forbidding: 900, scratch: scratch)
          }
        }
        #expect(logits.indices.contains(Int(id)))
      }
    }
  }
}
