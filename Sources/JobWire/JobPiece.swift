/// A piece of a text that is still being made: the body of a progress event on the queue.
///
/// Tokens are numbered from 0, so that a receiver knows which of them it has already, even when the worker that runs
/// the job again cuts the text into other pieces.
package struct JobPiece: Sendable, Equatable {
  package struct Token: Sendable, Equatable {
    package var token: Int
    /// What became certain with the token: whole characters, and possibly none.
    package var text: String

    package init(token: Int, text: String) {
      self.token = token
      self.text = text
    }
  }

  /// Numbers beyond it are refused, so that sums of them can't overflow.
  private static let maxNumber = Int64(Int32.max)

  /// The number of the first token here.
  package var first: Int
  package var tokens: [Token]

  package init(first: Int, tokens: [Token]) {
    self.first = first
    self.tokens = tokens
  }

  /// How many tokens there are up to the end of this piece; the sequence number of its event.
  package var end: Int { first + tokens.count }

  /// The piece as JSON: `{"first":5,"tokens":[{"token":262,"text":" the"}]}`.
  package func encode() -> [UInt8] {
    JSONValue.fields([
      ("first", .integer(Int64(first))),
      (
        "tokens",
        .array(
          tokens.map { .fields([("token", .integer(Int64($0.token))), ("text", .string($0.text))]) })
      ),
    ]).encoded
  }

  /// Reads a piece. Fields that this version doesn't know are ignored.
  package static func decode(_ bytes: [UInt8]) throws(WireError) -> JobPiece {
    let json = try JSONParser.parse(bytes)
    guard let first = number(json["first"]), let entries = json["tokens"]?.arrayValue else {
      throw WireError(.malformed, "a piece needs the number of its first token, and tokens")
    }
    var tokens: [Token] = []
    tokens.reserveCapacity(entries.count)
    for entry in entries {
      guard let token = number(entry["token"]), let text = entry["text"]?.stringValue else {
        throw WireError(.malformed, "each token of a piece needs its id and a text")
      }
      tokens.append(Token(token: token, text: text))
    }
    return JobPiece(first: first, tokens: tokens)
  }

  private static func number(_ json: JSONValue?) -> Int? {
    json?.integerValue.flatMap { (0...maxNumber).contains($0) ? Int($0) : nil }
  }
}
