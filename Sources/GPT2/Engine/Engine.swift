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
    case logits(CheckedContinuation<[Float], any Error>)
  }

  private let transformer: Transformer
  private var scheduler: BatchScheduler
  private var sequences: [BatchScheduler.SequenceID: Sequence] = [:]
  private var nextID: BatchScheduler.SequenceID = 0
  private var isStepping = false
  private var isShutDown = false
  private let samplerScratch: SamplerScratch

  /// Allocates the KV cache and the working memory of a step; nothing grows afterwards.
  package init(model: Model, configuration: EngineConfiguration = .init()) throws(GPT2Error) {
    try configuration.validate()
    self.model = model
    self.tokenizer = try model.makeTokenizer()
    self.contextLength = min(configuration.maxContext, model.config.contextLength)
    self.maxSequences = configuration.sequences(of: contextLength, for: model)
    let limits = BatchScheduler.Limits(
      sequences: maxSequences, rowsPerStep: configuration.rowsPerStep, promptChunk: configuration.promptChunk)
    self.scheduler = BatchScheduler(limits: limits)
    self.transformer = try Transformer(
      model: model, maxRows: limits.rowsPerStep, maxSequences: maxSequences, maxContext: contextLength,
      threads: configuration.threads, cache: configuration.cachePrecision(for: model))
    self.samplerScratch = SamplerScratch(count: model.head.outputs(of: model.config))
    self.thread = ThreadExecutor(name: "engine")
  }

  /// Completes a prompt. The events end with `finished` or with an error; a reader that stops reading them ends
  /// the sequence within one step.
  package nonisolated func generate(
    _ request: GenerationRequest
  ) throws(GPT2Error) -> AsyncThrowingStream<GenerationEvent, any Error> {
    try validate(request)
    // At most `maxNewTokens` + 1 events are ever yielded: the buffer needs no bound of its own.
    let (events, continuation) = ActiveGeneration.Events.makeStream()
    let cancellation = ActiveGeneration.Cancellation()
    continuation.onTermination = { termination in
      if case .cancelled = termination { cancellation.cancel() }
    }
    let generation = ActiveGeneration(
      request, tokenizer: tokenizer, endOfText: model.metadata.endOfText, events: continuation,
      cancellation: cancellation)
    // Unstructured, since the sequence lives as long as its events have a reader, not as long as this call.
    Task { await self.begin(.generation(generation), prompt: request.prompt) }
    return events
  }

  /// The logits that follow the last of these tokens: `[V]`, or one a label for a classifier.
  package func logits(after tokens: [Int32]) async throws -> [Float] {
    try validate(prompt: tokens, newTokens: 0)
    return try await withCheckedThrowingContinuation { continuation in
      begin(.logits(continuation), prompt: tokens)
    }
  }

  /// Ends all sequences with an error and refuses new ones.
  package func shutdown() {
    isShutDown = true
    let error = GPT2Error(.unavailable, "the engine was shut down")
    for id in Array(sequences.keys) { end(id, with: error) }
  }
}

// MARK: - Stepping

extension Engine {
  private func begin(_ sequence: sending Sequence, prompt: [Int32]) {
    nextID += 1
    sequences[nextID] = sequence
    scheduler.add(nextID, prompt: prompt)
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
  }

  private func step() {
    removeCancelled()
    let work = scheduler.nextStep()
    guard !work.isEmpty else { return }
    do throws(GPT2Error) {
      try transformer.step(
        work.map {
          Transformer.Segment(
            slot: $0.slot, tokens: Array($0.tokens), position: $0.position,
            wantsLogits: $0.wantsLogits ? .last : .none)
        })
    } catch {
      for part in work { end(part.id, with: error) }
      return
    }
    for (index, part) in work.enumerated() where part.wantsLogits {
      transformer.withLogits(segment: index) { logits in advance(part.id, logits: logits) }
    }
  }

  private func advance(_ id: BatchScheduler.SequenceID, logits: UnsafeBufferPointer<Float>) {
    switch sequences[id] {
    case .logits(let continuation):
      continuation.resume(returning: Array(logits))
      sequences[id] = nil
      scheduler.remove(id)
    case .generation(var generation):
      // Rows beyond the tokenizer's vocabulary are padding of the embedding and stand for no text.
      let known = UnsafeBufferPointer(rebasing: logits.prefix(tokenizer.vocabularySize))
      let token = generation.sampler.choose(
        known, at: generation.nextPosition, scratch: samplerScratch.buffer)
      do throws(GPT2Error) {
        if try generation.accept(token) {
          scheduler.append(token, to: id)
          sequences[id] = .generation(generation)
        } else {
          sequences[id] = nil
          scheduler.remove(id)
        }
      } catch {
        end(id, with: error)
      }
    case nil:
      scheduler.remove(id)
    }
  }

  private func removeCancelled() {
    for (id, sequence) in sequences {
      if case .generation(let generation) = sequence, generation.cancellation.isCancelled {
        sequences[id] = nil
        scheduler.remove(id)
      }
    }
  }

  private func end(_ id: BatchScheduler.SequenceID, with error: GPT2Error) {
    scheduler.remove(id)
    switch sequences.removeValue(forKey: id) {
    case .generation(let generation): generation.fail(error)
    case .logits(let continuation): continuation.resume(throwing: error)
    case nil: break
    }
  }
}

// MARK: - Validation

extension Engine {
  private nonisolated func validate(_ request: GenerationRequest) throws(GPT2Error) {
    guard case .languageModel = model.head else {
      throw GPT2Error(.invalidArgument, "the model is a classifier and generates no text")
    }
    guard request.maxNewTokens >= 1 else {
      throw GPT2Error(.invalidArgument, "max_new_tokens is \(request.maxNewTokens); it must be at least 1")
    }
    let sampling = request.sampling
    guard sampling.temperature >= 0, sampling.temperature.isFinite else {
      throw GPT2Error(.invalidArgument, "temperature is \(sampling.temperature); it must be 0 or more")
    }
    guard sampling.topK >= 0 else {
      throw GPT2Error(.invalidArgument, "top_k is \(sampling.topK); it must be 0 or more")
    }
    guard sampling.topP > 0, sampling.topP <= 1 else {
      throw GPT2Error(.invalidArgument, "top_p is \(sampling.topP); it must be above 0 and at most 1")
    }
    try validate(prompt: request.prompt, newTokens: request.maxNewTokens)
  }

  private nonisolated func validate(prompt: [Int32], newTokens: Int) throws(GPT2Error) {
    guard !prompt.isEmpty else { throw GPT2Error(.invalidArgument, "the prompt has no tokens") }
    guard prompt.count + newTokens <= contextLength else {
      throw GPT2Error(
        .invalidArgument,
        "\(prompt.count) prompt tokens and \(newTokens) new ones exceed the context of \(contextLength)")
    }
    let vocabulary = Int32(model.config.vocabularySize)
    if let unknown = prompt.first(where: { $0 < 0 || $0 >= vocabulary }) {
      throw GPT2Error(
        .invalidArgument, "token id \(unknown) is not in the vocabulary of 0 to \(vocabulary - 1)")
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

/// Working memory of the sampler, `[outputs]`.
private final class SamplerScratch {
  let buffer: UnsafeMutableBufferPointer<Float>

  init(count: Int) { buffer = .allocate(capacity: count) }
  deinit { buffer.deallocate() }
}
