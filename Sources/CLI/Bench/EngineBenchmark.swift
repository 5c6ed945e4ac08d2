import GPT2

/// Measures an engine: how fast it computes prompts, and how fast it makes tokens while all sequences of a batch
/// run.
struct EngineBenchmark {
  /// What is measured; every count is at least 1.
  struct Plan: Equatable {
    var promptTokens: Int
    var newTokens: Int
    var batch: Int
    var repetitions: Int
    var text: BenchmarkPrompts.Text
    var seed: UInt64
  }

  /// The rates of each repetition, in tokens a second over the whole batch.
  struct Rates: Equatable {
    /// All prompts' tokens over the time from the submission until every sequence has its first token.
    var prefill: [Double] = []
    /// Empty if there was no time in which all sequences ran.
    var decode: [Double] = []
  }

  let engine: Engine
  let plan: Plan

  /// - Parameter progress: gets the part done, 0 to 1.
  func run(progress: (Double) -> Void = { _ in }) async throws -> Rates {
    let endOfText = engine.model.metadata.endOfText.map(Int.init) ?? .max
    var prompts = BenchmarkPrompts(
      vocabularySize: max(
        1, min(engine.tokenizer.vocabularySize, engine.model.config.vocabularySize, endOfText)),
      length: plan.promptTokens, text: plan.text, seed: plan.seed)
    // Touches all weights, the cache of keys and values, and the working memory of both kinds of steps.
    _ = try await arrivals(of: prompts.batch(of: plan.batch), newTokens: min(plan.newTokens, 8))
    var rates = Rates()
    for repetition in 0..<plan.repetitions {
      progress(Double(repetition) / Double(plan.repetitions))
      let arrivals = try await arrivals(of: prompts.batch(of: plan.batch), newTokens: plan.newTokens)
      let lastFirst = arrivals.compactMap(\.first).max() ?? .infinity
      rates.prefill.append(Double(plan.batch * plan.promptTokens) / lastFirst)
      if let window = DecodeWindow(arrivals: arrivals) { rates.decode.append(window.tokensPerSecond) }
    }
    return rates
  }

  /// Greedy, as other programs are measured.
  private func arrivals(of prompts: [[Int32]], newTokens: Int) async throws -> [[Double]] {
    try await withThrowingTaskGroup(of: [Double].self) { group in
      let begin = ContinuousClock.now
      for prompt in prompts {
        let events = try engine.generate(
          GenerationRequest(
            prompt: prompt, maxNewTokens: newTokens, sampling: SamplingParameters(temperature: 0),
            ignoresEndOfText: true))
        group.addTask {
          var times: [Double] = []
          times.reserveCapacity(newTokens)
          for try await event in events {
            if case .token = event { times.append((ContinuousClock.now - begin) / .seconds(1)) }
          }
          return times
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
  }
}
