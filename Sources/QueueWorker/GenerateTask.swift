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

  package func run(
    _ request: JobRequest, interruption: @Sendable () -> Interruption?, onText: @Sendable (String) -> Void
  ) async throws(TaskError) -> TaskAnswer {
    let room = engine.contextLength - request.maxNewTokens
    guard room >= 1 else {
      throw .failed(
        JobFailure(
          code: .contextLengthExceeded,
          message: "max_new_tokens is \(request.maxNewTokens); this model's context allows 1 to "
            + "\(engine.contextLength - 1)",
          param: "max_new_tokens"))
    }
    let tokens = engine.tokenizer.encode(template.fill(with: request.prompt))
    let result = try await generate(
      GenerationRequest(
        prompt: Array(tokens.suffix(room)), maxNewTokens: request.maxNewTokens,
        sampling: SamplingParameters(
          temperature: Float(request.temperature), topK: request.topK, topP: Float(request.topP),
          seed: UInt64(bitPattern: request.effectiveSeed)),
        stop: request.stop),
      interruption: interruption, onText: onText)
    return TaskAnswer(
      model: model, completion: result.text,
      choices: [
        JobResult.Choice(
          text: result.text, finishReason: JobResult.FinishReason(result.finishReason),
          tokens: result.tokens.map(Int.init))
      ],
      usage: JobResult.Usage(promptTokens: result.promptTokens, completionTokens: result.tokens.count),
      prefill: result.prefill, decode: result.decode)
  }

  private func generate(
    _ request: GenerationRequest, interruption: @Sendable () -> Interruption?,
    onText: @Sendable (String) -> Void
  ) async throws(TaskError) -> GenerationResult {
    do {
      for try await event in try engine.generate(request) {
        if let interruption = interruption() { throw TaskError.interrupted(interruption) }
        switch event {
        case .token(_, let text): onText(text)
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
