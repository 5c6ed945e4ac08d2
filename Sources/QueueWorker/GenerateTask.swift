package import GPT2
package import JobWire

/// Completes the prompt.
package struct GenerateTask: JobTask {
  private let engine: Engine
  private let model: String
  private let template: PromptTemplate

  /// - Parameter model: its name in answers.
  package init(engine: Engine, model: String, template: PromptTemplate = .plain) {
    self.engine = engine
    self.model = model
    self.template = template
  }

  package func waitForRoom() async { await engine.waitForRoom() }

  package func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    let prompt = fitted(
      engine.tokenizer.encode(template.fill(with: request.prompt)), for: request.maxNewTokens)
    let result = try await generate(
      GenerationRequest(
        prompt: prompt, maxNewTokens: min(request.maxNewTokens, engine.contextLength - prompt.count),
        sampling: SamplingParameters(
          temperature: Float(request.temperature), topK: request.topK, topP: Float(request.topP),
          seed: UInt64(bitPattern: request.effectiveSeed)),
        stop: request.stop, reportsTokens: onToken != nil, cacheSalt: request.cacheSalt),
      interruption: interruption, onToken: onToken)
    return TaskAnswer(
      model: model, completion: result.text,
      choices: [
        JobResult.Choice(
          text: result.text, finishReason: JobResult.FinishReason(result.finishReason),
          tokens: result.tokens.map(Int.init))
      ],
      usage: JobResult.Usage(
        promptTokens: result.promptTokens, completionTokens: result.tokens.count,
        cachedTokens: result.reusedTokens),
      prefill: result.prefill, decode: result.decode)
  }

  /// A prompt that leaves no room for the new tokens keeps its end, as in the service that users come from, but
  /// never loses more than half of the context to them: the text then ends where the context is full.
  private func fitted(_ prompt: [Int32], for newTokens: Int) -> [Int32] {
    Array(prompt.suffix(max(engine.contextLength - newTokens, engine.contextLength / 2)))
  }

  private func generate(
    _ request: GenerationRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> GenerationResult {
    do {
      for try await event in try engine.generate(request, isUnwanted: { interruption() != nil }) {
        switch event {
        case .token(let id, let text): onToken?(Int(id), text)
        case .finished(let result): return result
        }
      }
      throw TaskError.interrupted(interruption() ?? .released)
    } catch let error as TaskError {
      throw error
    } catch {
      throw .failed(JobFailure(engineError: error))
    }
  }
}

extension JobResult.FinishReason {
  init(_ reason: FinishReason) {
    switch reason {
    case .length: self = .length
    case .stop: self = .stop
    case .stopSequence: self = .stopSequence
    }
  }
}

extension JobFailure {
  /// What the engine refused is the request's fault; anything else is ours.
  init(engineError error: any Error) {
    if let error = error as? GPT2Error, error.code == .invalidArgument {
      self.init(code: .invalidValue, message: error.message)
    } else {
      self.init(code: .internalError, message: "\(error)")
    }
  }
}
