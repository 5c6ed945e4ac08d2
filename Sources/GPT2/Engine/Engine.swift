import ThreadExecutor

/// Runs one model on a thread of its own for any number of callers: every step computes the next tokens of all
/// running sequences together, and sequences join and leave between steps.
///
/// The thread is the actor's executor, so inference never occupies a thread that others await on.
package actor Engine {
  package nonisolated let model: Model
  package nonisolated let tokenizer: BPETokenizer
  /// The longest sequence, prompt and new tokens together.
  package nonisolated let contextLength: Int
  /// How many sequences run at the same time; more wait.
  package nonisolated let maxSequences: Int

  private nonisolated let thread: ThreadExecutor
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private enum Sequence {
    case generation(ActiveGeneration)
    /// Wants nothing but the logits at the last token.
    case logits(CheckedContinuation<[Float], any Error>, isUnwanted: @Sendable () -> Bool)
  }

  private let transformer: Transformer
  private let kernelLevel: KernelLevel
  private var scheduler: BatchScheduler
  private var sequences: [BatchScheduler.SequenceID: Sequence] = [:]
  private var nextID: BatchScheduler.SequenceID = 0
  /// Whether the last step left sequences waiting, and who asked for room meanwhile.
  private var isFull = false
  private var waitingForRoom: [CheckedContinuation<Void, Never>] = []
  private let onStep: (@Sendable (EngineStep) -> Void)?
  /// What the step did so far.
  private var report = EngineStep()
  private var isStepping = false
  private var isShutDown = false
  private let chooser: TokenChooser

  /// Reserves the K/V cache and the working memory of a step; nothing grows afterwards.
  ///
  /// - Parameter onStep: is told of every step, on the engine's thread. It must return at once.
  package init(
    model: Model, configuration: EngineConfiguration = .init(),
    onStep: (@Sendable (EngineStep) -> Void)? = nil
  ) throws(GPT2Error) {
    try configuration.validate()
    self.onStep = onStep
    self.model = model
    self.tokenizer = try model.makeTokenizer()
    self.contextLength = min(configuration.maxContext, model.config.contextLength)
    let limits = configuration.limits(contextLength: contextLength, model: model)
    self.maxSequences = limits.sequences
    self.scheduler = BatchScheduler(limits: limits)
    self.transformer = try Transformer(
      model: model,
      Transformer.Measures(
        rows: limits.rowsPerStep, segments: limits.sequences, context: contextLength, pages: limits.pages,
        threads: configuration.threads, cache: configuration.cachePrecision))
    self.kernelLevel = transformer.kernelLevel
    self.chooser = TokenChooser(
      count: model.head.outputs(of: model.config), vocabularySize: tokenizer.vocabularySize,
      threads: configuration.threads, level: transformer.kernelLevel)
    do {
      self.thread = try ThreadExecutor(name: "engine")
    } catch {
      throw GPT2Error(.unavailable, "the system has no thread left for the engine")
    }
  }

  /// Completes a prompt. The events end with `finished` or with an error; a reader that stops reading them ends
  /// the sequence within one step.
  ///
  /// - Parameter isUnwanted: asked before every step; once it is true the last event is `withdrawn`.
  package nonisolated func generate(
    _ request: GenerationRequest, isUnwanted: @escaping @Sendable () -> Bool = { false }
  ) throws(GPT2Error) -> AsyncThrowingStream<GenerationEvent, any Error> {
    try validate(request)
    // At most `maxNewTokens` + 1 events are ever yielded: the buffer needs no bound of its own.
    let (events, continuation) = ActiveGeneration.Events.makeStream()
    let cancellation = ActiveGeneration.Cancellation()
    continuation.onTermination = { termination in
      if case .cancelled = termination { cancellation.cancel() }
    }
    let generation = ActiveGeneration(
      request, tokenizer: tokenizer, endOfText: model.metadata.endOfText, level: kernelLevel,
      events: continuation, cancellation: cancellation, isUnwanted: isUnwanted)
    // Unstructured, since the sequence lives as long as its events have a reader, not as long as this call.
    Task {
      await self.begin(
        .generation(generation), prompt: request.prompt,
        maxTokens: request.prompt.count + request.maxNewTokens, salt: request.cacheSalt,
        isScored: request.scoresPrompt)
    }
    return events
  }

  /// The logits that follow the last of these tokens: `[V]`, or one a label for a classifier.
  ///
  /// - Parameters:
  ///   - salt: see `GenerationRequest.cacheSalt`.
  ///   - isUnwanted: asked before every step; once it is true this throws `CancellationError`.
  package func logits(
    after tokens: [Int32], salt: UInt64 = 0, isUnwanted: @escaping @Sendable () -> Bool = { false }
  ) async throws -> [Float] {
    try validate(prompt: tokens, newTokens: 0)
    return try await withCheckedThrowingContinuation { continuation in
      begin(
        .logits(continuation, isUnwanted: isUnwanted), prompt: tokens, maxTokens: tokens.count, salt: salt)
    }
  }

  /// Returns at once, unless sequences were left waiting for a place in the batch or for memory: then when none is any
  /// more. Whoever adds others before would only keep work from engines that are idle.
  package func waitForRoom() async {
    guard isFull else { return }
    await withCheckedContinuation { waitingForRoom.append($0) }
  }

  private func letIn() {
    for continuation in waitingForRoom { continuation.resume() }
    waitingForRoom.removeAll()
  }

  /// Ends all sequences with an error and refuses new ones.
  package func shutdown() {
    isShutDown = true
    letIn()
    let error = GPT2Error(.unavailable, "the engine was shut down")
    for id in Array(sequences.keys) { end(id, with: error) }
  }
}

// MARK: - Stepping

extension Engine {
  private func begin(
    _ sequence: sending Sequence, prompt: [Int32], maxTokens: Int, salt: UInt64, isScored: Bool = false
  ) {
    nextID += 1
    sequences[nextID] = sequence
    scheduler.add(nextID, prompt: prompt, maxTokens: maxTokens, salt: salt, isScored: isScored)
    isFull = isFull || scheduler.waitingCount > scheduler.limits.sequences - scheduler.runningCount
    if isShutDown {
      end(nextID, with: GPT2Error(.unavailable, "the engine was shut down"))
    } else if !isStepping {
      isStepping = true
      // Unstructured, since steps serve whoever is there, not the caller that happened to be the first.
      Task { await self.stepWhileBusy() }
    }
  }

  private func stepWhileBusy() async {
    while !scheduler.isIdle {
      step()
      // Between two steps, whoever wants to join or leave gets the thread.
      await Task.yield()
    }
    isStepping = false
    isFull = false
    letIn()
  }

  private func step() {
    removeCancelled()
    let work = scheduler.nextStep()
    isFull = scheduler.waitingCount > 0
    if !isFull { letIn() }
    guard !work.isEmpty else { return }
    let begin = ContinuousClock.now
    report = EngineStep(sequences: work.count)
    do throws(GPT2Error) {
      try transformer.step(
        work.map {
          Transformer.Segment(
            tokens: $0.tokens, position: $0.position, pages: $0.pages,
            // More than one row with logits: all tokens are proposals but the first, or of a scored prompt.
            wantsLogits: $0.logitRows == 0 ? .none : $0.logitRows == 1 ? .last : .all)
        })
    } catch {
      scheduler.removeAll(work.map(\.id))
      for part in work { end(part.id, with: error) }
      return
    }
    let answers = readLogits(of: work)
    for (index, part) in work.enumerated() where part.logitRows > 0 {
      advance(part, segment: index, answers: answers[index])
    }
    tell(of: .now - begin)
  }

  private func tell(of duration: Duration) {
    guard let onStep else { return }
    report.duration = duration
    report.usedPages = scheduler.usedPages
    report.keptPages = min(scheduler.keptPages, scheduler.limits.pages - report.usedPages)
    report.freePages = scheduler.limits.pages - report.usedPages - report.keptPages
    onStep(report)
  }

  /// What each segment's rows of logits say, but for a row of which nothing is asked: at most the last one.
  private func readLogits(of work: [BatchScheduler.Work]) -> [[TokenChooser.Answer]] {
    var questions: [TokenChooser.Question] = []
    var segments: [Int] = []
    for (segment, part) in work.enumerated() {
      guard case .generation(let generation) = sequences[part.id] else { continue }
      for row in 0..<part.logitRows {
        let logits = transformer.unsafeLogits(segment: segment, row: row)
        guard let question = generation.question(ofRow: row, in: part, logits: logits) else { continue }
        segments.append(segment)
        questions.append(question)
      }
    }
    var answers = [[TokenChooser.Answer]](repeating: [], count: work.count)
    for (segment, answer) in zip(segments, chooser.answer(questions, on: transformer)) {
      answers[segment].append(answer)
    }
    return answers
  }

  private func advance(_ part: BatchScheduler.Work, segment: Int, answers: [TokenChooser.Answer]) {
    // Taken out, so that what it gathers is not copied for every token.
    switch sequences.removeValue(forKey: part.id) {
    case .logits(let continuation, _):
      continuation.resume(returning: Array(transformer.unsafeLogits(segment: segment)))
      scheduler.remove(part.id)
    case .generation(var generation):
      do throws(GPT2Error) {
        if try advance(&generation, part, answers) {
          sequences[part.id] = .generation(generation)
        } else {
          scheduler.remove(part.id)
        }
      } catch {
        scheduler.remove(part.id)
        generation.fail(error)
      }
    case nil:
      scheduler.remove(part.id)
    }
  }

  /// Hands a generation what its rows of logits say; false when it ended.
  private func advance(
    _ generation: inout ActiveGeneration, _ part: BatchScheduler.Work, _ answers: [TokenChooser.Answer]
  ) throws(GPT2Error) -> Bool {
    generation.reusedTokens = scheduler.reusedTokens(of: part.id)
    let promptRows = generation.promptRows(of: part)
    for answer in answers.prefix(promptRows) { generation.acceptPromptToken(answer.logprobs) }
    if generation.endsWithPrompt(part) {
      generation.finishPrompt()
      return false
    }
    let choices = answers.dropFirst(promptRows)
    // A row counts as long as every token before it was proposed rightly.
    let agreeing = zip(part.draft, choices).prefix { $0 == $1.token }.count
    let accepted = choices.prefix(agreeing + 1)
    // Before the events, so that the pages of a sequence that ends are shared up to its last token.
    scheduler.append(accepted.map(\.token), to: part.id)
    report.newTokens += accepted.count
    report.proposedTokens += part.draft.count
    report.acceptedTokens += agreeing
    for (row, answer) in accepted.enumerated() {
      if row < agreeing { generation.speculatedTokens += 1 }
      guard try generation.accept(answer) else { return false }
    }
    if !part.draft.isEmpty {
      scheduler.learn(part.id, proposed: part.draft.count, accepted: agreeing)
    }
    return true
  }

  private func removeCancelled() {
    for (id, sequence) in sequences {
      switch sequence {
      case .generation(let generation) where generation.isCancelled: generation.cancel()
      case .logits(let continuation, let isUnwanted) where isUnwanted():
        continuation.resume(throwing: CancellationError())
      default: continue
      }
      sequences[id] = nil
      scheduler.remove(id)
    }
  }

  private func end(_ id: BatchScheduler.SequenceID, with error: GPT2Error) {
    scheduler.remove(id)
    switch sequences.removeValue(forKey: id) {
    case .generation(let generation): generation.fail(error)
    case .logits(let continuation, _): continuation.resume(throwing: error)
    case nil: break
    }
  }
}

extension Model {
  /// The tokenizer that the model file brings; GPT-2's, where it brings none.
  package func makeTokenizer() throws(GPT2Error) -> BPETokenizer {
    guard !tokenizer.isEmpty else { return .gpt2 }
    return try tokenizer.withUnsafeBytes { bytes in
      Result { () throws(GPT2Error) in try BPETokenizer(serialized: bytes) }
    }.get()
  }
}
