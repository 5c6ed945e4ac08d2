import Testing

@testable import GPT2

@Suite struct LogSoftmaxTests {
  private func logprobs(
    _ logits: [Float], top: Int, below end: Int, level: KernelLevel = .scalar
  ) -> (each: [Float], top: [TokenLogprobs.Candidate]) {
    var scratch = [Float](repeating: .nan, count: logits.count)
    return scratch.withUnsafeMutableBufferPointer { scratch in
      logits.withUnsafeBufferPointer {
        let logSoftmax = LogSoftmax($0, level: level, scratch: scratch)
        return (logits.indices.map { logSoftmax.logprob(of: $0) }, logSoftmax.top(top, below: end))
      }
    }
  }

  @Test(arguments: availableLevels)
  func logprobsAreTheLogarithmsOfTheProbabilities(level: KernelLevel) {
    var generator = SplitMix(seed: 3)
    for count in [1, 5, 64, 300, 5003] {
      let logits = (0..<count).map { _ in Float(generator.next() % 1_000_000) / 20_000 - 30 }
      let expected = SamplingReference.logprobs(logits).map(Float.init)
      let (each, top) = logprobs(logits, top: 20, below: count, level: level)
      #expect(largestDifference(each, expected) < 1e-5)
      let sorted = logits.indices.sorted { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
      #expect(top.map(\.id) == sorted.prefix(20).map(Int32.init))
      #expect(top.map(\.logprob) == sorted.prefix(20).map { each[$0] })
    }
  }

  @Test func theLowerIDComesFirstAmongEqualsAndPaddingIsNoCandidate() {
    let top = logprobs([1, 3, 1, 3, 1, 9], top: 4, below: 5).top
    #expect(top.map(\.id) == [1, 3, 0, 2])
    #expect(logprobs([1, 2], top: 5, below: 2).top.count == 2)
    #expect(logprobs([1, 2], top: 0, below: 2).top.isEmpty)
  }

  @Test func whatIsNoNumberIsNoCandidate() {
    #expect(logprobs([.nan, 1, -.infinity, 2], top: 4, below: 4).top.map(\.id) == [3, 1, 2])
  }
}
