/// The log-probabilities of a choice's tokens, in the form of OpenAI's completions: four lists of one length.
package struct Logprobs: Sendable, Equatable {
  /// One that could have come, by its text.
  package struct Candidate: Sendable, Equatable {
    package var text: String
    package var logprob: Double

    package init(text: String, logprob: Double) {
      self.text = text
      self.logprob = logprob
    }
  }

  /// The token as text; `bytes:\xe2\x80` where it is only a part of a character.
  package var tokens: [String]
  /// `nil` for the first token of all, which follows on nothing.
  package var tokenLogprobs: [Double?]
  /// The likeliest in the place of the token and the token itself, likeliest first; `nil` as above, and where none
  /// were asked for.
  package var topLogprobs: [[Candidate]?]
  /// Where the token begins in the choice's text, in Unicode code points.
  package var textOffset: [Int]

  package init(
    tokens: [String] = [], tokenLogprobs: [Double?] = [], topLogprobs: [[Candidate]?] = [],
    textOffset: [Int] = []
  ) {
    self.tokens = tokens
    self.tokenLogprobs = tokenLogprobs
    self.topLogprobs = topLogprobs
    self.textOffset = textOffset
  }

  /// Those of the tokens behind the first `count`; nil if there is none.
  package func after(_ count: Int) -> Logprobs? {
    if tokens.count <= count { return nil }
    return Logprobs(
      tokens: Array(tokens.dropFirst(count)), tokenLogprobs: Array(tokenLogprobs.dropFirst(count)),
      topLogprobs: Array(topLogprobs.dropFirst(count)), textOffset: Array(textOffset.dropFirst(count)))
  }

  package var json: JSONValue {
    .fields([
      ("tokens", .array(tokens.map { .string($0) })),
      ("token_logprobs", .array(tokenLogprobs.map { $0.map { .double($0) } ?? .null })),
      (
        "top_logprobs",
        topLogprobs.contains { $0 != nil }
          ? .array(topLogprobs.map { $0.map(Self.json) ?? .null }) : .null
      ),
      ("text_offset", .array(textOffset.map { .integer(Int64($0)) })),
    ])
  }

  init?(json: JSONValue) {
    guard let tokens = json["tokens"]?.arrayValue?.compactMap(\.stringValue),
      let logprobs = json["token_logprobs"]?.arrayValue, logprobs.count == tokens.count
    else { return nil }
    let top = json["top_logprobs"]?.arrayValue
    self.init(
      tokens: tokens, tokenLogprobs: logprobs.map(\.doubleValue),
      topLogprobs: tokens.indices.map { index in
        guard let top, top.indices.contains(index) else { return nil }
        return top[index].fieldsValue?.compactMap { field in
          field.value.doubleValue.map { Candidate(text: field.name, logprob: $0) }
        }
      },
      textOffset: json["text_offset"]?.arrayValue?.compactMap { $0.integerValue.map { Int($0) } } ?? [])
  }

  /// Two tokens can have the same text; an object names each once, the likelier.
  private static func json(_ candidates: [Candidate]) -> JSONValue {
    var names: Set<String> = []
    return .object(
      candidates.compactMap { names.insert($0.text).inserted ? .init($0.text, .double($0.logprob)) : nil })
  }
}
