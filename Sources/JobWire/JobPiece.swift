/// A piece of a text that is still being made: the body of a progress event on the queue.
///
/// Tokens are numbered from 0, so that a receiver knows which of them it has already, even when the worker that runs
/// the job again cuts the text into other pieces.
package struct JobPiece: Sendable, Equatable {
  package struct Token: Sendable, Equatable {
    package var token: Int
    /// What became certain with the token: whole characters, and possibly none.
    package var text: String
    /// The token's own text, where probabilities were asked for and it is another than what became certain with it.
    package var ownText: String?
    package var logprob: Double?
    /// The likeliest in its place, if they were asked for.
    package var alternatives: [Alternative]?

    package init(
      token: Int, text: String, ownText: String? = nil, logprob: Double? = nil,
      alternatives: [Alternative]? = nil
    ) {
      self.token = token
      self.text = text
      self.ownText = ownText
      self.logprob = logprob
      self.alternatives = alternatives
    }
  }

  /// A token that could have come.
  package struct Alternative: Sendable, Equatable {
    package var token: Int
    package var text: String
    package var logprob: Double

    package init(token: Int, text: String, logprob: Double) {
      self.token = token
      self.text = text
      self.logprob = logprob
    }
  }

  /// Numbers beyond it are refused, so that sums of them can't overflow.
  private static let maxNumber = Int64(Int32.max)

  /// Which of the job's choices this belongs to.
  package var choice: Int
  /// The number of the first token here.
  package var first: Int
  package var tokens: [Token]

  package init(choice: Int = 0, first: Int, tokens: [Token]) {
    self.choice = choice
    self.first = first
    self.tokens = tokens
  }

  /// How many tokens there are of its choice up to the end of this piece.
  package var end: Int { first + tokens.count }

  /// The piece as JSON: `{"first":5,"tokens":[{"token":262,"text":" the"}]}`.
  package func encode() -> [UInt8] {
    JSONValue.fields([
      ("index", choice == 0 ? nil : .integer(Int64(choice))),
      ("first", .integer(Int64(first))),
      ("tokens", .array(tokens.map(\.json))),
    ]).encoded
  }

  /// Reads a piece. Fields that this version doesn't know are ignored.
  package static func decode(_ bytes: [UInt8]) throws(WireError) -> JobPiece {
    let json = try JSONParser.parse(bytes)
    guard let first = number(json["first"]), let entries = json["tokens"]?.arrayValue else {
      throw WireError(.malformed, "a piece needs the number of its first token, and tokens")
    }
    let tokens = entries.compactMap(Token.init(json:))
    guard tokens.count == entries.count else {
      throw WireError(.malformed, "each token of a piece needs its id and a text")
    }
    return JobPiece(choice: number(json["index"]) ?? 0, first: first, tokens: tokens)
  }

  fileprivate static func number(_ json: JSONValue?) -> Int? {
    json?.integerValue.flatMap { (0...maxNumber).contains($0) ? Int($0) : nil }
  }
}

extension JobPiece.Token {
  fileprivate var json: JSONValue {
    .fields([
      ("token", .integer(Int64(token))),
      ("text", .string(text)),
      ("own_text", ownText.map { .string($0) }),
      ("logprob", logprob.map { .double($0) }),
      ("top_logprobs", alternatives.map { .array($0.map(\.json)) }),
    ])
  }

  fileprivate init?(json: JSONValue) {
    guard let token = JobPiece.number(json["token"]), let text = json["text"]?.stringValue else { return nil }
    self.init(
      token: token, text: text, ownText: json["own_text"]?.stringValue, logprob: json["logprob"]?.doubleValue,
      alternatives: json["top_logprobs"]?.arrayValue?.compactMap(JobPiece.Alternative.init(json:)))
  }
}

extension JobPiece.Alternative {
  package var json: JSONValue {
    .fields([("token", .integer(Int64(token))), ("text", .string(text)), ("logprob", .double(logprob))])
  }

  fileprivate init?(json: JSONValue) {
    guard let token = JobPiece.number(json["token"]), let text = json["text"]?.stringValue,
      let logprob = json["logprob"]?.doubleValue
    else { return nil }
    self.init(token: token, text: text, logprob: logprob)
  }
}
