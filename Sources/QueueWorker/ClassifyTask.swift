package import GPT2
import Glibc
package import JobWire

/// Labels the prompt.
package struct ClassifyTask: JobTask {
  private let engine: Engine
  private let model: String
  private let labels: [String]
  private let template: PromptTemplate

  /// - Parameters:
  ///   - model: its name in answers.
  ///   - labels: names for the head's rows in their order; nil: as the model names them.
  /// - Throws: `GPT2Error`, if the model has no classifier of so many labels.
  package init(
    engine: Engine, model: String, labels: [String]? = nil, template: PromptTemplate = .plain
  ) throws(GPT2Error) {
    guard case .classifier(let own, _) = engine.model.head else {
      throw GPT2Error(.notGPT2, "\(model) is no classifier: its head gives logits over the vocabulary")
    }
    let labels = labels ?? own
    guard labels.count == own.count else {
      throw GPT2Error(
        .notGPT2, "\(model) tells \(own.count) labels apart; the task names \(labels.count): \(labels)")
    }
    self.engine = engine
    self.model = model
    self.labels = labels
    self.template = template
  }

  package func waitForRoom() async { await engine.waitForRoom() }

  package func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    let tokens = try tokens(of: request)
    let begin = ContinuousClock.now
    let logits: [Float]
    do {
      logits = try await engine.logits(
        after: padded(tokens), salt: request.cacheSalt, isUnwanted: { interruption() != nil })
    } catch {
      if let interruption = interruption() { throw .interrupted(interruption) }
      throw .failed(JobFailure(engineError: error))
    }
    if let interruption = interruption() { throw .interrupted(interruption) }
    let probabilities = Self.softmax(logits)
    let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
    return TaskAnswer(
      model: model, completion: labels[best],
      scores: zip(labels, probabilities).map { JobResult.Score(label: $0, probability: $1) },
      usage: JobResult.Usage(promptTokens: tokens.count, completionTokens: 0),
      prefill: .now - begin)
  }

  private func tokens(of request: JobRequest) throws(TaskError) -> [Int32] {
    guard request.prompts.count == 1 else {
      throw .failed(
        JobFailure(code: .invalidValue, message: "a classification takes one prompt", param: "prompt"))
    }
    let tokens: [Int32]
    do {
      tokens = try TokenizedPrompt(request.prompts[0], template: template, tokenizer: engine.tokenizer).tokens
    } catch {
      throw .failed(JobFailure(engineError: error, param: "prompt"))
    }
    guard request.truncates || tokens.count <= longest else {
      throw .failed(.contextLengthExceeded(longest, prompt: tokens.count, newTokens: 0))
    }
    return Array(tokens.prefix(longest))
  }

  /// How many tokens of a text are looked at.
  private var longest: Int {
    if case .length(let count) = engine.model.metadata.padding {
      min(count, engine.contextLength)
    } else {
      engine.contextLength
    }
  }

  /// The tokens up to the position whose logits count, as the model was trained to be read.
  private func padded(_ tokens: [Int32]) -> [Int32] {
    if case .none = engine.model.metadata.padding { return tokens }
    return tokens + repeatElement(engine.model.metadata.padToken, count: longest - tokens.count)
  }

  static func softmax(_ logits: [Float]) -> [Double] {
    let greatest = Double(logits.max() ?? 0)
    let weights = logits.map { exp(Double($0) - greatest) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }
}
