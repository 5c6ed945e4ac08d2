/// What the engine takes.
extension Engine {
  nonisolated func validate(_ request: GenerationRequest) throws(GPT2Error) {
    guard case .languageModel = model.head else {
      throw GPT2Error(.invalidArgument, "the model is a classifier and generates no text")
    }
    let least = request.scoresPrompt ? 0 : 1
    guard request.maxNewTokens >= least else {
      throw GPT2Error(
        .invalidArgument,
        "max_new_tokens is \(request.maxNewTokens); it must be at least \(least)"
          + (least == 1 ? ", unless the prompt is scored" : ""))
    }
    guard (0...request.maxNewTokens).contains(request.minNewTokens) else {
      throw GPT2Error(
        .invalidArgument,
        "min_tokens is \(request.minNewTokens); it must be 0 to \(request.maxNewTokens), the most new tokens")
    }
    if let top = request.topLogprobs, !(0...20).contains(top) {
      throw GPT2Error(.invalidArgument, "logprobs is \(top); it must be 0 to 20")
    }
    try validate(request.sampling)
    try validate(prompt: request.prompt, newTokens: request.maxNewTokens)
  }

  private nonisolated func validate(_ sampling: SamplingParameters) throws(GPT2Error) {
    let settings: [(name: String, value: Float, isAllowed: (Float) -> Bool, allowed: String)] = [
      ("temperature", sampling.temperature, { $0 >= 0 && $0.isFinite }, "0 or more"),
      ("top_p", sampling.topP, { $0 > 0 && $0 <= 1 }, "above 0 and at most 1"),
      ("min_p", sampling.minP, { (0...1).contains($0) }, "0 to 1"),
      ("typical_p", sampling.typicalP, { $0 > 0 && $0 <= 1 }, "above 0 and at most 1"),
      ("repetition_penalty", sampling.repetitionPenalty, { $0 > 0 && $0.isFinite }, "above 0"),
      ("presence_penalty", sampling.presencePenalty, { (-2...2).contains($0) }, "-2 to 2"),
      ("frequency_penalty", sampling.frequencyPenalty, { (-2...2).contains($0) }, "-2 to 2"),
    ]
    for setting in settings where !setting.isAllowed(setting.value) {
      throw GPT2Error(
        .invalidArgument, "\(setting.name) is \(setting.value); it must be \(setting.allowed)")
    }
    guard sampling.topK >= 0 else {
      throw GPT2Error(.invalidArgument, "top_k is \(sampling.topK); it must be 0 or more")
    }
    // Rows of the embedding beyond the tokenizer's vocabulary are never chosen.
    let vocabulary = Int32(min(model.config.vocabularySize, tokenizer.vocabularySize))
    // In order, so that the same request is always refused for the same token.
    for (id, bias) in sampling.logitBias.sorted(by: { $0.key < $1.key }) {
      guard (0..<vocabulary).contains(id) else {
        throw GPT2Error(
          .invalidArgument,
          "logit_bias has the token id \(id), which is not in the vocabulary of 0 to \(vocabulary - 1)")
      }
      guard (-100...100).contains(bias) else {
        throw GPT2Error(
          .invalidArgument, "logit_bias of the token id \(id) is \(bias); it must be -100 to 100")
      }
    }
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
