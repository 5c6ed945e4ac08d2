/// What is done to the logits of a choice before they become probabilities: bias, penalties, and tokens that must not
/// come yet. Few logits differ afterwards, and where none can there are no changes.
struct LogitChanges {
  private let parameters: SamplingParameters
  private let history: TokenHistory?
  private let forbidden: Int32?

  /// Nil if there is nothing to change.
  ///
  /// - Parameters:
  ///   - history: of the tokens before the choice.
  ///   - forbidden: a token that must not be chosen.
  init?(_ parameters: SamplingParameters, after history: TokenHistory?, forbidding forbidden: Int32?) {
    guard history != nil || forbidden != nil || !parameters.logitBias.isEmpty else { return nil }
    self.parameters = parameters
    self.history = history
    self.forbidden = forbidden
  }

  /// Ids beyond the logits are passed over.
  func apply(to logits: UnsafeMutableBufferPointer<Float>) {
    for (id, bias) in parameters.logitBias where logits.indices.contains(Int(id)) { logits[Int(id)] += bias }
    // Each token comes once, so the order of the dictionary makes no difference.
    for (id, count) in history?.counts ?? [:] where logits.indices.contains(Int(id)) {
      logits[Int(id)] = penalized(logits[Int(id)], count: count)
    }
    if let forbidden, logits.indices.contains(Int(forbidden)) { logits[Int(forbidden)] = -.infinity }
  }

  private func penalized(_ logit: Float, count: Int32) -> Float {
    let penalty = parameters.repetitionPenalty
    var logit = logit
    if penalty != 1 { logit = logit > 0 ? logit / penalty : logit * penalty }
    if count > 0 { logit -= parameters.presencePenalty + Float(count) * parameters.frequencyPenalty }
    return logit
  }
}
