/// How likely the model found a token, and what it found most likely in its place: natural logarithms of the
/// probabilities at temperature 1, before any bias, penalty or truncation.
package struct TokenLogprobs: Sendable, Equatable {
  /// A token that could have come.
  package struct Candidate: Sendable, Equatable {
    package var id: Int32
    package var logprob: Float

    package init(id: Int32, logprob: Float) {
      self.id = id
      self.logprob = logprob
    }
  }

  /// Of the token itself.
  package var logprob: Float
  /// The most likely first, the lower id first among equals.
  package var top: [Candidate]

  package init(logprob: Float, top: [Candidate]) {
    self.logprob = logprob
    self.top = top
  }
}
