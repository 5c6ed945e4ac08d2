/// What `POST /v1/completions` answers: a job's result in OpenAI's form, and the same in pieces.
package struct CompletionResponse: Sendable {
  private let id: String
  private let model: String
  private let created: Int
  /// Whether a stream has an event with the usage at its end; the others then have `null` in its place.
  package let includesUsage: Bool

  /// - Parameters:
  ///   - jobID: the job's.
  ///   - model: as the request named it.
  ///   - created: seconds since 1970.
  ///   - includesUsage: whether a stream tells it.
  package init(jobID: String, model: String, created: Int, includesUsage: Bool = false) {
    id = "cmpl-\(jobID)"
    self.model = model
    self.created = created
    self.includesUsage = includesUsage
  }

  /// The whole answer.
  package func json(_ result: JobResult) -> JSONValue {
    object(choices: (result.choices ?? []).map(Self.choice), usage: result.usage.map(Self.usage))
  }

  /// An event with a token.
  ///
  /// - Parameter offset: where its text begins in the text of the choice, in Unicode code points.
  package func event(of token: JobPiece.Token, choice: Int, offset: Int) -> JSONValue {
    var logprobs: Logprobs?
    if let logprob = token.logprob {
      let own = token.ownText ?? token.text
      var top = token.alternatives?.map { Logprobs.Candidate(text: $0.text, logprob: $0.logprob) }
      if token.alternatives?.contains(where: { $0.token == token.token }) == false {
        top?.append(Logprobs.Candidate(text: own, logprob: logprob))
      }
      logprobs = Logprobs(
        tokens: [own], tokenLogprobs: [logprob], topLogprobs: [top], textOffset: [offset])
    }
    return event(text: token.text, choice: choice, logprobs: logprobs)
  }

  /// An event with a text, or with the end of one.
  package func event(
    text: String, choice: Int, logprobs: Logprobs? = nil, finishReason: JobResult.FinishReason? = nil
  ) -> JSONValue {
    object(
      choices: [Self.choice(index: choice, text: text, logprobs: logprobs, finishReason: finishReason)],
      usage: includesUsage ? .null : nil)
  }

  /// The event behind the last choice that says how many tokens there were.
  package func usageEvent(_ usage: JobResult.Usage) -> JSONValue {
    object(choices: [], usage: Self.usage(usage))
  }

  private func object(choices: [JSONValue], usage: JSONValue?) -> JSONValue {
    .fields([
      ("id", .string(id)),
      ("object", .string("text_completion")),
      ("created", .integer(Int64(created))),
      ("model", .string(model)),
      ("choices", .array(choices)),
      ("usage", usage),
    ])
  }

  private static func choice(_ choice: JobResult.Choice) -> JSONValue {
    self.choice(
      index: choice.index, text: choice.text, logprobs: choice.logprobs, finishReason: choice.finishReason)
  }

  private static func choice(
    index: Int, text: String, logprobs: Logprobs?, finishReason: JobResult.FinishReason?
  ) -> JSONValue {
    .fields([
      ("index", .integer(Int64(index))),
      ("text", .string(text)),
      ("logprobs", logprobs?.json ?? .null),
      ("finish_reason", finishReason.map { .string($0 == .length ? "length" : "stop") } ?? .null),
    ])
  }

  private static func usage(_ usage: JobResult.Usage) -> JSONValue {
    .fields([
      ("prompt_tokens", .integer(Int64(usage.promptTokens))),
      ("completion_tokens", .integer(Int64(usage.completionTokens))),
      ("total_tokens", .integer(Int64(usage.promptTokens + usage.completionTokens))),
    ])
  }
}
