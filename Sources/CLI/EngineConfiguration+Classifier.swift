import GPT2

extension EngineConfiguration {
  /// With room for what the model's texts are padded to: a classifier that was trained on padded texts needs all of
  /// their length, whatever `MAX_CTX` allows a prompt.
  func fitted(to model: Model) -> EngineConfiguration {
    var own = self
    switch model.metadata.padding {
    case .none: break
    case .length(let length): own.maxContext = max(own.maxContext, length)
    case .context: own.maxContext = max(own.maxContext, model.config.contextLength)
    }
    return own
  }
}
