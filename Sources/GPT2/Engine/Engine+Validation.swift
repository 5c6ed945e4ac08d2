/// What the engine takes.
extension Engine {
  nonisolated func validate(_ request: GenerationRequest) throws(GPT2Error) {
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

  nonisolated func validate(prompt: [Int32], newTokens: Int) throws(GPT2Error) {
    guard !prompt.isEmpty else { throw GPT2Error(.invalidArgument, "the prompt has no tokens") }
    guard newTokens <= contextLength - prompt.count else {
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
