/// Reads the logits of many rows at once, on all threads of the kernels: chooses the next tokens of sequences, and tells
/// how likely tokens are. Reading the logits of a large batch on one thread would take as long as computing some of
/// them.
final class TokenChooser {
  /// What is asked of a row of logits.
  struct Question {
    enum Token {
      /// The one to be chosen for a position of the sequence.
      case next(sampler: Sampler, position: Int, history: TokenHistory?, forbidden: Int32?)
      /// The one that is there already.
      case known(Int32)
    }

    let token: Token
    /// `[V]`
    let logits: UnsafeBufferPointer<Float>
    /// See `GenerationRequest.topLogprobs`.
    let topLogprobs: Int?
  }

  /// The token, and how likely it is if that was asked.
  struct Answer {
    let token: Int32
    let logprobs: TokenLogprobs?
  }

  /// Working memory for each thread.
  private let scratch: UnsafeMutableBufferPointer<Float>
  private let scratchCount: Int
  private let vocabularySize: Int
  private let level: KernelLevel

  /// - Parameters:
  ///   - count: the most logits of a row.
  ///   - vocabularySize: rows of the embedding beyond it are padding and stand for no text: they are never chosen.
  ///   - threads: those of the transformer.
  init(count: Int, vocabularySize: Int, threads: Int, level: KernelLevel) {
    scratchCount = Sampler.scratchCount(count)
    scratch = .allocate(capacity: scratchCount * threads)
    self.vocabularySize = vocabularySize
    self.level = level
  }

  deinit { scratch.deallocate() }

  /// The answers, in the order of the questions.
  func answer(_ questions: [Question], on transformer: Transformer) -> [Answer] {
    [Answer](unsafeUninitializedCapacity: questions.count) { answers, initialized in
      transformer.parallel(questions.count) { index, thread in
        let own = scratch[thread * scratchCount..<(thread + 1) * scratchCount]
        answers.initializeElement(
          at: index, to: answer(questions[index], scratch: UnsafeMutableBufferPointer(rebasing: own)))
      }
      initialized = questions.count
    }
  }

  private func answer(_ question: Question, scratch: UnsafeMutableBufferPointer<Float>) -> Answer {
    let token: Int32
    switch question.token {
    case .next(let sampler, let position, let history, let forbidden):
      let logits = UnsafeBufferPointer(rebasing: question.logits.prefix(vocabularySize))
      token = sampler.choose(logits, at: position, after: history, forbidding: forbidden, scratch: scratch)
    case .known(let known): token = known
    }
    guard let top = question.topLogprobs else { return Answer(token: token, logprobs: nil) }
    let logSoftmax = LogSoftmax(question.logits, level: level, scratch: scratch)
    return Answer(
      token: token,
      logprobs: TokenLogprobs(
        logprob: logSoftmax.logprob(of: Int(token)), top: logSoftmax.top(top, below: vocabularySize)))
  }
}
