import Glibc
import Testing

@testable import GPT2

@Suite struct SamplerTests {
  private func choose(
    _ logits: [Float], _ parameters: SamplingParameters, at position: Int = 0, level: KernelLevel = .scalar
  ) -> Int32 {
    var scratch = [Float](repeating: .nan, count: Sampler.scratchCount(logits.count))
    return scratch.withUnsafeMutableBufferPointer { scratch in
      logits.withUnsafeBufferPointer { logits in
        Sampler(parameters, level: level).choose(logits, at: position, scratch: scratch)
      }
    }
  }

  /// Which ids are ever chosen over many positions.
  private func chosen(_ logits: [Float], _ parameters: SamplingParameters, draws: Int = 4000) -> Set<Int32> {
    Set((0..<draws).map { choose(logits, parameters, at: $0) })
  }

  /// Softmax the long way, in double precision.
  private func probabilities(_ logits: [Float], temperature: Double) -> [Double] {
    let scaled = logits.map { Double($0) / temperature }
    let greatest = scaled.max() ?? 0
    let weights = scaled.map { Double.exp($0 - greatest) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  @Test func greedyTakesTheGreatestLogitAndTheLowestIDAmongEquals() {
    #expect(choose([0, 3, 1, 3], SamplingParameters(temperature: 0)) == 1)
    #expect(choose([-7], SamplingParameters(temperature: 0)) == 0)
  }

  @Test func theSameSeedAndPositionGiveTheSameTokenAndOthersDiffer() {
    let logits = (0..<1000).map { Float($0 % 7) }
    let first = (0..<50).map { choose(logits, SamplingParameters(seed: 42), at: $0) }
    let second = (0..<50).map { choose(logits, SamplingParameters(seed: 42), at: $0) }
    let other = (0..<50).map { choose(logits, SamplingParameters(seed: 43), at: $0) }
    #expect(first == second)
    #expect(first != other)
    #expect(Set(first).count > 10)
  }

  @Test(arguments: [0.5, 1.0, 2.0])
  func tokensAreDrawnAsOftenAsTheirProbabilitySays(temperature: Double) {
    let logits: [Float] = [2, 1, 0.5, -1, -3, 1.5]
    let expected = probabilities(logits, temperature: temperature)
    var counts = [Int](repeating: 0, count: logits.count)
    let draws = 40_000
    for position in 0..<draws {
      counts[
        Int(choose(logits, SamplingParameters(temperature: Float(temperature), seed: 7), at: position))] += 1
    }
    // Pearson's statistic with 5 degrees of freedom is below 20.5 in 99.9 % of all series.
    let statistic = zip(counts, expected).reduce(0.0) { sum, pair in
      let mean = pair.1 * Double(draws)
      return sum + (Double(pair.0) - mean) * (Double(pair.0) - mean) / mean
    }
    #expect(statistic < 20.5)
  }

  @Test func topKKeepsTheKMostLikely() {
    let logits: [Float] = [0.1, 0.9, 0.3, 0.8, 0.2, 0.85]
    #expect(chosen(logits, SamplingParameters(topK: 3)) == [1, 3, 5])
    #expect(chosen(logits, SamplingParameters(topK: 1)) == [1])
    #expect(chosen(logits, SamplingParameters(topK: 100)).count == 6)
  }

  @Test func topKKeepsTheLowerIDsAmongEquals() {
    #expect(chosen([1, 1, 1, 1, 0], SamplingParameters(topK: 2)) == [0, 1])
  }

  @Test func topPKeepsTheFewestThatReachTheProbability() {
    // Probabilities 0.5, 0.25, 0.15, 0.1.
    let logits: [Float] = [0.5, 0.25, 0.15, 0.1].map { Float(Double.log($0)) }
    #expect(chosen(logits, SamplingParameters(topP: 0.4)) == [0])
    #expect(chosen(logits, SamplingParameters(topP: 0.6)) == [0, 1])
    #expect(chosen(logits, SamplingParameters(topP: 0.8)) == [0, 1, 2])
    #expect(chosen(logits, SamplingParameters(topP: 0.95)) == [0, 1, 2, 3])
    #expect(chosen(logits, SamplingParameters(topP: 1e-9)) == [0])
  }

  @Test func topPCountsTheProbabilityAmongThoseThatTopKLeft() {
    // Of 0.4, 0.3, 0.2, 0.1 top-k leaves 4/7 and 3/7: 0.5 is reached by the first alone.
    let logits: [Float] = [0.4, 0.3, 0.2, 0.1].map { Float(Double.log($0)) }
    #expect(chosen(logits, SamplingParameters(topK: 2, topP: 0.5)) == [0])
    #expect(chosen(logits, SamplingParameters(topK: 2, topP: 0.6)) == [0, 1])
  }

  /// What sorting all of them would keep, by ascending id.
  private func kept(_ weights: [Float], _ parameters: SamplingParameters) -> [Int] {
    var kept = weights.indices.filter { weights[$0] > 0 }
    kept.sort { weights[$0] > weights[$1] || (weights[$0] == weights[$1] && $0 < $1) }
    if parameters.topK > 0 { kept = Array(kept.prefix(parameters.topK)) }
    if parameters.topP < 1 {
      let target = Double(parameters.topP) * kept.reduce(0.0) { $0 + Double(weights[$1]) }
      var sum = 0.0
      let end = kept.firstIndex {
        sum += Double(weights[$0])
        return sum >= target
      }
      kept = Array(kept.prefix((end ?? kept.count - 1) + 1))
    }
    return kept.sorted()
  }

  /// The first of these at which the running sum passes `uniform` of it all.
  private func drawn(_ weights: [Float], _ kept: [Int], uniform: Double) -> Int32 {
    let target = uniform * kept.reduce(0.0) { $0 + Double(weights[$1]) }
    var sum = 0.0
    let id = kept.first {
      sum += Double(weights[$0])
      return sum > target
    }
    return Int32(id ?? kept.last ?? 0)
  }

  /// The sums of these weights are exact in any order.
  @Test func aSelectionWithoutSortingKeepsAndDrawsWhatSortingWould() {
    var generator = SplitMix(seed: 5)
    for round in 0..<200 {
      let count = 1 + Int(generator.next() % 1000)
      // Often equal, seldom equal, or with few that are far heavier than the rest.
      let spread: UInt64 = [3, 1000, 4000][round % 3]
      let weights = (0..<count).map { _ in
        let weight = Float(generator.next() % spread)
        let isLight = round % 3 == 2 && generator.next() % 50 > 0
        return (isLight ? (weight / 64).rounded() : weight) / 4096
      }
      var parameters = SamplingParameters()
      if round % 2 == 0 { parameters.topK = 1 + Int(generator.next() % UInt64(count)) }
      if round % 5 < 3 { parameters.topP = Float(1 + generator.next() % 99) / 100 }
      let uniform = Double(generator.next() >> 11) * 0x1p-53
      let expected = kept(weights, parameters)
      weights.withUnsafeBufferPointer { buffer in
        let candidates = Candidates(weights: buffer)
        var cut = Candidates.Cut.none
        if parameters.topK > 0 {
          cut = candidates.cut(above: cut, reaching: Double(parameters.topK), by: .count)
        }
        if parameters.topP < 1 {
          let target = Double(parameters.topP) * candidates.mass(above: cut)
          cut = candidates.cut(above: cut, reaching: target, by: .mass)
        }
        #expect(weights.indices.filter { cut.keeps(weights[$0], $0) } == expected, "round \(round)")
        let id = candidates.draw(above: cut, uniform: uniform)
        #expect(id == drawn(weights, expected, uniform: uniform), "round \(round)")
      }
    }
  }

  @Test func aLargeVocabularyIsCutAndDrawnAtEveryLevelAsIfSorted() {
    var generator = SplitMix(seed: 6)
    let logits = (0..<5003).map { _ in Float(generator.next() % 100_000) / 10_000 }
    let levels = KernelLevel.allCases.filter(\.isAvailable)
    for parameters in [
      SamplingParameters(), SamplingParameters(topK: 50), SamplingParameters(topK: 50, topP: 0.9),
      SamplingParameters(topP: 0.9), SamplingParameters(temperature: 0.2, topK: 3000, topP: 0.5),
    ] {
      let temperature = Double(parameters.temperature)
      let top = Double(logits.max() ?? 0)
      let weights = logits.map { Float(Double.exp((Double($0) - top) / temperature)) }
      let kept = kept(weights, parameters)
      for level in levels {
        let sampler = Sampler(parameters, level: level)
        // The weights of two levels may differ in the last bit, and so may a token at the very edge.
        let different = (0..<100).count { position in
          let expected = drawn(weights, kept, uniform: sampler.uniform(at: position))
          return choose(logits, parameters, at: position, level: level) != expected
        }
        #expect(different <= 1)
      }
    }
  }

  @Test func valuesThatAreNoNumbersNeverCrashAndAreNeverChosen() {
    #expect(chosen([.nan, 1, 2], SamplingParameters(topK: 2, topP: 0.9)).isSubset(of: [1, 2]))
    #expect(chosen([-.infinity, 0], SamplingParameters()) == [1])
    _ = choose([.nan, .nan], SamplingParameters(topK: 1, topP: 0.5))
    _ = choose([.infinity, .infinity, 0], SamplingParameters(topP: 0.5))
  }

  @Test func theTiniestTemperatureIsGreedy() {
    #expect(
      chosen([1, 1.0001, 0.5], SamplingParameters(temperature: .leastNonzeroMagnitude), draws: 200) == [1])
  }
}

extension Double {
  fileprivate static func exp(_ x: Double) -> Double { Glibc.exp(x) }
  fileprivate static func log(_ x: Double) -> Double { Glibc.log(x) }
}
