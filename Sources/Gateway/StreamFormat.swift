import JobWire

/// How a vocabulary says in server-sent events what becomes of a job.
protocol StreamFormat: Sendable {
  /// A token that is new to the client.
  func event(of token: JobPiece.Token, choice: Int) -> JSONValue

  /// What was not told token by token; nil if there is nothing to say.
  ///
  /// - Parameters:
  ///   - text: belongs to none of the tokens that were told; may be empty.
  ///   - choice: as it is in the result.
  ///   - told: how many of its tokens were.
  func event(ofRest text: String, of choice: JobResult.Choice, told: Int) -> JSONValue?

  /// The events at the end of a completed job, each a line of JSON.
  ///
  /// - Parameter bytes: the result as it is stored.
  func ending(_ result: JobResult, bytes: [UInt8]) -> [[UInt8]]
}

extension StreamFormat {
  /// The last events: of each text what was not told yet, and the result.
  ///
  /// - Throws: `text_differs` if something else was told.
  func rest(
    of result: JobResult, _ bytes: [UInt8], after texts: [Int: StreamedText]
  ) throws(APIError) -> [[UInt8]] {
    var events: [[UInt8]] = []
    for choice in result.choices ?? [] {
      let text = texts[choice.index] ?? StreamedText()
      guard let rest = text.rest(of: choice.text) else { throw .textDiffers }
      if let event = self.event(ofRest: rest, of: choice, told: text.tokenCount) {
        events.append(event.encoded)
      }
    }
    return events + ending(result, bytes: bytes)
  }
}

/// The events of `/generate`: a token each, and then the result.
struct GenerateStreamFormat: StreamFormat {
  let id: String

  func event(of token: JobPiece.Token, choice: Int) -> JSONValue {
    .fields([
      ("id", .string(id)),
      ("index", .integer(Int64(choice))),
      ("text", .string(token.text)),
      ("token", .integer(Int64(token.token))),
      ("logprob", token.logprob.map { .double($0) }),
      ("top_logprobs", token.alternatives.map { .array($0.map(\.json)) }),
    ])
  }

  func event(ofRest text: String, of choice: JobResult.Choice, told: Int) -> JSONValue? {
    if text.isEmpty { return nil }
    return .fields([
      ("id", .string(id)), ("index", .integer(Int64(choice.index))), ("text", .string(text)),
    ])
  }

  func ending(_ result: JobResult, bytes: [UInt8]) -> [[UInt8]] { [bytes] }
}
