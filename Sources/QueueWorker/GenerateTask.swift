package import GPT2
package import JobWire

/// Completes the prompts.
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
    var prompts: [TokenizedPrompt] = []
    for prompt in request.prompts { prompts.append(try tokenized(prompt, for: request)) }
    if request.echo, let onToken { tell(onToken, of: prompts, request) }
    if request.isTokenization { return answer(to: request, prompts, []) }
    let results = try await generate(request, after: prompts, interruption: interruption, onToken: onToken)
    return answer(to: request, prompts, results)
  }

  private func tokenized(_ prompt: Prompt, for request: JobRequest) throws(TaskError) -> TokenizedPrompt {
    let context = engine.contextLength
    let whole = try checked { try TokenizedPrompt(prompt, template: template, tokenizer: engine.tokenizer) }
    if request.isTokenization { return whole }
    guard request.truncates || whole.tokens.count + request.maxNewTokens <= context else {
      throw .failed(
        .contextLengthExceeded(context, prompt: whole.tokens.count, newTokens: request.maxNewTokens))
    }
    // A prompt that leaves no room for the new tokens keeps its end, as in the service that users come from, but
    // never loses more than half of the context to them: the text then ends where the context is full.
    return try checked {
      try whole.suffix(max(context - request.maxNewTokens, context / 2), tokenizer: engine.tokenizer)
    }
  }

  /// What the tokenizer refuses is the prompt's fault.
  private func checked(_ body: () throws -> TokenizedPrompt) throws(TaskError) -> TokenizedPrompt {
    do {
      return try body()
    } catch {
      throw .failed(JobFailure(engineError: error, param: "prompt"))
    }
  }

  /// With an echo the prompt's tokens are the first of each choice. Their probabilities come with the result.
  private func tell(_ onToken: TokenHandler, of prompts: [TokenizedPrompt], _ request: JobRequest) {
    for (number, prompt) in prompts.enumerated() {
      let texts = TokenTexts(engine.tokenizer).pieces(of: prompt.tokens)
      for choice in 0..<request.completions {
        for (token, text) in zip(prompt.tokens, texts) {
          onToken(number * request.completions + choice, JobPiece.Token(token: Int(token), text: text))
        }
      }
    }
  }
}

// MARK: - The sequences of a request

extension GenerateTask {
  /// One sequence after the other by number: those of the first prompt, then those of the second.
  private func generate(
    _ request: JobRequest, after prompts: [TokenizedPrompt],
    interruption: @escaping @Sendable () -> Interruption?, onToken: TokenHandler?
  ) async throws(TaskError) -> [GenerationResult] {
    typealias Numbered = (number: Int, ending: Result<Ending, TaskError>)
    let each = request.sequencesPerPrompt
    return try await withTaskGroup(of: Numbered.self) { group in
      for number in 0..<prompts.count * each {
        let sequence = sequence(number, of: request, after: prompts[number / each], reports: onToken != nil)
        group.addTask {
          do throws(TaskError) {
            return (number, .success(try await generate(sequence, interruption) { onToken?(number, $0) }))
          } catch {
            return (number, .failure(error))
          }
        }
      }
      defer { group.cancelAll() }
      var results: [Int: GenerationResult] = [:]
      var withdrawnTokens: Int?
      for await (number, ending) in group {
        switch ending {
        case .success(.finished(let result)): results[number] = result
        // The others end with their next step too.
        case .success(.withdrawn(let tokens)): withdrawnTokens = (withdrawnTokens ?? 0) + tokens
        case .failure(let error): return Result<[GenerationResult], TaskError>.failure(error)
        }
      }
      if let withdrawnTokens {
        let usage = usage(
          of: prompts, completionTokens: results.values.reduce(withdrawnTokens) { $0 + $1.tokens.count })
        return .failure(.interrupted(interruption() ?? .released, usage: usage))
      }
      return .success(results.sorted { $0.key < $1.key }.map(\.value))
    }.get()
  }

  /// How a sequence ended.
  private enum Ending {
    case finished(GenerationResult)
    /// It was interrupted, and had so many tokens.
    case withdrawn(tokens: Int)
  }

  private func sequence(
    _ number: Int, of request: JobRequest, after prompt: TokenizedPrompt, reports: Bool
  ) -> GenerationRequest {
    var sampling = SamplingParameters(
      temperature: Float(request.temperature), topK: request.topK, topP: Float(request.topP),
      seed: UInt64(bitPattern: request.seed(ofSequence: number)))
    sampling.minP = Float(request.minP)
    sampling.typicalP = Float(request.typicalP)
    sampling.repetitionPenalty = Float(request.repetitionPenalty)
    sampling.presencePenalty = Float(request.presencePenalty)
    sampling.frequencyPenalty = Float(request.frequencyPenalty)
    for bias in request.logitBias { sampling.logitBias[Int32(bias.token)] = Float(bias.bias) }
    let room = engine.contextLength - prompt.tokens.count
    var sequence = GenerationRequest(
      prompt: prompt.tokens, maxNewTokens: min(request.maxNewTokens, room), sampling: sampling,
      stop: request.stop, ignoresEndOfText: request.ignoresEndOfText, reportsTokens: reports,
      cacheSalt: request.cacheSalt)
    sequence.minNewTokens = min(request.minTokens, sequence.maxNewTokens)
    // The best are those with the greatest probability.
    sequence.topLogprobs = request.logprobs ?? (request.sequencesPerPrompt > request.completions ? 0 : nil)
    // One of a prompt's sequences is enough.
    sequence.scoresPrompt =
      request.echo && request.logprobs != nil && number % request.sequencesPerPrompt == 0
    return sequence
  }

  private func generate(
    _ sequence: GenerationRequest, _ interruption: @escaping @Sendable () -> Interruption?,
    onToken: (JobPiece.Token) -> Void
  ) async throws(TaskError) -> Ending {
    let texts = TokenTexts(engine.tokenizer)
    do {
      for try await event in try engine.generate(sequence, isUnwanted: { interruption() != nil }) {
        switch event {
        case .token(let id, let text, let logprobs): onToken(texts.token(id, text, logprobs))
        case .finished(let result): return .finished(result)
        case .withdrawn(let tokens): return .withdrawn(tokens: tokens)
        }
      }
      return .withdrawn(tokens: 0)
    } catch {
      throw .failed(JobFailure(engineError: error))
    }
  }
}

// MARK: - The answer

extension GenerateTask {
  private func answer(
    to request: JobRequest, _ prompts: [TokenizedPrompt], _ results: [GenerationResult]
  ) -> TaskAnswer {
    let each = request.sequencesPerPrompt
    var choices: [JobResult.Choice] = []
    for (number, prompt) in prompts.enumerated() {
      let made = results.isEmpty ? [] : Array(results[number * each..<(number + 1) * each])
      for index in 0..<request.completions {
        let result = (request.bestOf == nil ? made : made.likeliest).dropFirst(index).first
        choices.append(
          choice(choices.count, of: request, prompt, made.first?.promptLogprobs ?? [], result))
      }
    }
    return TaskAnswer(
      model: model, completion: choices.first?.text ?? "", choices: choices,
      usage: usage(
        of: prompts, completionTokens: results.reduce(0) { $0 + $1.tokens.count },
        cachedTokens: stride(from: 0, to: results.count, by: each).reduce(0) { $0 + results[$1].reusedTokens }
      ),
      prefill: results.map(\.prefill).max(), decode: results.map(\.decode).max())
  }

  private func usage(
    of prompts: [TokenizedPrompt], completionTokens: Int, cachedTokens: Int = 0
  ) -> JobResult.Usage {
    JobResult.Usage(
      promptTokens: prompts.reduce(0) { $0 + $1.tokens.count }, completionTokens: completionTokens,
      cachedTokens: cachedTokens)
  }

  private func choice(
    _ index: Int, of request: JobRequest, _ prompt: TokenizedPrompt, _ promptLogprobs: [TokenLogprobs?],
    _ result: GenerationResult?
  ) -> JobResult.Choice {
    let echoed = request.echo ? prompt.tokens : []
    let tokens = echoed + (result?.tokens ?? [])
    var choice = JobResult.Choice(
      index: index, text: (request.echo ? prompt.text : "") + (result?.text ?? ""),
      finishReason: result.map { JobResult.FinishReason($0.finishReason) } ?? .length,
      tokens: tokens.map(Int.init))
    if request.logprobs != nil {
      choice.logprobs = TokenTexts(engine.tokenizer).logprobs(
        of: tokens, (request.echo ? promptLogprobs : []) + (result?.logprobs ?? []))
    }
    return choice
  }
}

extension [GenerationResult] {
  /// The greatest mean log-probability of a token first.
  fileprivate var likeliest: [GenerationResult] {
    let means = map {
      $0.logprobs.reduce(0) { $0 + Double($1.logprob) } / Double(Swift.max(1, $0.logprobs.count))
    }
    return indices.sorted { means[$0] > means[$1] || (means[$0] == means[$1] && $0 < $1) }.map { self[$0] }
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
  init(engineError error: any Error, param: String? = nil) {
    if let error = error as? GPT2Error, error.code == .invalidArgument {
      // The engine's messages begin with the name of the field.
      let name = String(error.message.prefix { $0 != " " })
      self.init(
        code: .invalidValue, message: error.message,
        param: param ?? (JobRequest.fieldNames.contains(name) ? name : nil))
    } else {
      self.init(code: .internalError, message: "\(error)")
    }
  }
}
