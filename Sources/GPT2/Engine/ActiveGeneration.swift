import Synchronization

/// A sequence that is being generated: what was chosen so far, and whom to tell.
struct ActiveGeneration {
  typealias Events = AsyncThrowingStream<GenerationEvent, any Error>

  /// Set from any thread when the reader of the events has gone; the engine looks at it between steps.
  final class Cancellation: Sendable {
    private let flag = Atomic(false)

    var isCancelled: Bool { flag.load(ordering: .relaxed) }
    func cancel() { flag.store(true, ordering: .relaxed) }
  }

  let request: GenerationRequest
  private let sampler: Sampler
  private let cancellation: Cancellation
  private let isUnwanted: @Sendable () -> Bool
  private let events: Events.Continuation
  private let endOfText: Int32?
  private var decoder: StreamDecoder
  private var tokens: [Int32] = []
  private var text = ""
  private var history: TokenHistory?
  private var logprobs: [TokenLogprobs] = []
  private var promptLogprobs: [TokenLogprobs?] = []
  private let begin = ContinuousClock.now
  private var firstToken: ContinuousClock.Instant?
  /// See `GenerationResult`.
  var reusedTokens = 0
  var speculatedTokens = 0

  init(
    _ request: GenerationRequest, tokenizer: BPETokenizer, endOfText: Int32?, level: KernelLevel,
    events: Events.Continuation, cancellation: Cancellation, isUnwanted: @escaping @Sendable () -> Bool
  ) {
    self.request = request
    self.sampler = Sampler(request.sampling, level: level)
    self.events = events
    self.cancellation = cancellation
    self.isUnwanted = isUnwanted
    self.endOfText = endOfText
    self.decoder = StreamDecoder(tokenizer: tokenizer, stop: request.stop)
    self.tokens.reserveCapacity(request.maxNewTokens)
    self.history = TokenHistory(prompt: request.prompt, request.sampling)
    if request.scoresPrompt {
      promptLogprobs.reserveCapacity(request.prompt.count)
      promptLogprobs.append(nil)
    }
  }

  /// Takes how likely the next token of the prompt is.
  mutating func acceptPromptToken(_ logprobs: TokenLogprobs?) { promptLogprobs.append(logprobs) }

  /// Ends a sequence that was only to be scored.
  mutating func finishPrompt() {
    firstToken = .now
    finish(.length)
  }

  /// Takes the chosen token; false when the sequence ended with it.
  mutating func accept(_ answer: TokenChooser.Answer) throws(GPT2Error) -> Bool {
    let token = answer.token
    if firstToken == nil { firstToken = .now }
    if token == endOfText, !request.ignoresEndOfText {
      finish(.stop)
      return false
    }
    tokens.append(token)
    history?.append(token)
    if let logprobs = answer.logprobs { self.logprobs.append(logprobs) }
    let output = try decoder.append(token)
    text += output.text
    if request.reportsTokens { events.yield(.token(id: token, text: output.text, logprobs: answer.logprobs)) }
    if output.stopped {
      finish(.stopSequence)
      return false
    }
    if tokens.count == request.maxNewTokens {
      finish(.length)
      return false
    }
    return true
  }

  /// Whether nobody reads the events any more, or the request was withdrawn.
  var isCancelled: Bool { cancellation.isCancelled || isUnwanted() }

  /// Ends the events without a result.
  func cancel() {
    events.yield(.withdrawn(tokens: tokens.count))
    events.finish()
  }

  func fail(_ error: GPT2Error) { events.finish(throwing: error) }

  private mutating func finish(_ reason: FinishReason) {
    if reason != .stopSequence { text += decoder.finish() }
    let first = firstToken ?? begin
    events.yield(
      .finished(
        GenerationResult(
          tokens: tokens, text: text, finishReason: reason, promptTokens: request.prompt.count,
          reusedTokens: reusedTokens, speculatedTokens: speculatedTokens, prefill: first - begin,
          decode: .now - first, logprobs: logprobs, promptLogprobs: promptLogprobs)))
    events.finish()
  }
}

// MARK: - What a step is asked

extension ActiveGeneration {
  /// How many rows of logits of a part of a step, the first ones, tell of tokens that the prompt has.
  func promptRows(of part: BatchScheduler.Work) -> Int {
    max(0, min(part.logitRows, request.prompt.count - position(ofRow: 0, in: part)))
  }

  /// Whether nothing is left to do after this part.
  func endsWithPrompt(_ part: BatchScheduler.Work) -> Bool {
    request.maxNewTokens == 0 && part.position + part.tokens.count == request.prompt.count
  }

  /// What is asked of a row of logits; nil if nothing is.
  func question(
    ofRow row: Int, in part: BatchScheduler.Work, logits: UnsafeBufferPointer<Float>
  ) -> TokenChooser.Question? {
    let position = position(ofRow: row, in: part)
    if position < request.prompt.count {
      return TokenChooser.Question(
        token: .known(request.prompt[position]), logits: logits, topLogprobs: request.topLogprobs ?? 0)
    }
    guard request.maxNewTokens > 0 else { return nil }
    // As if the proposals before it were right.
    var history = history
    if history != nil {
      for token in part.draft.prefix(row) { history?.append(token) }
    }
    let isEarly = position - request.prompt.count < request.minNewTokens
    return TokenChooser.Question(
      token: .next(
        sampler: sampler, position: position, history: history, forbidden: isEarly ? endOfText : nil),
      logits: logits, topLogprobs: request.topLogprobs)
  }

  /// Where the token stands that a row of logits tells of.
  private func position(ofRow row: Int, in part: BatchScheduler.Work) -> Int {
    part.position + part.tokens.count - part.logitRows + row + 1
  }
}
