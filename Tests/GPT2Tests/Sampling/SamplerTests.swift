import Glibc
import Testing

@testable import GPT2

@Suite struct SamplerTests {
  private func choose(_ logits: [Float], _ parameters: SamplingParameters, at position: Int = 0) -> Int32 {
    var scratch = [Float](repeating: .nan, count: logits.count)
    return scratch.withUnsafeMutableBufferPointer { scratch in
      logits.withUnsafeBufferPointer { Sampler(parameters).choose($0, at: position, scratch: scratch) }
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

  @Test func aSelectionWithoutSortingKeepsWhatSortingWouldKeep() {
    var generator = SplitMix(seed: 5)
    for round in 0..<200 {
      let count = 1 + Int(generator.next() % 700)
      let logits = (0..<count).map { _ in Float(Int(generator.next() % 400)) / 40 }
      let keep = 1 + Int(generator.next() % UInt64(count))
      let weights = logits.map { Float(Double.exp(Double($0 - (logits.max() ?? 0)))) }
      let sorted = weights.indices.sorted {
        weights[$0] > weights[$1] || (weights[$0] == weights[$1] && $0 < $1)
      }
      weights.withUnsafeBufferPointer { buffer in
        let candidates = Candidates(weights: buffer)
        let cut = candidates.cut(above: .none, reaching: Double(keep), by: .count)
        let kept = weights.indices.filter { cut.keeps(weights[$0], $0) }
        #expect(Set(kept) == Set(sorted.prefix(keep)), "round \(round)")
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
