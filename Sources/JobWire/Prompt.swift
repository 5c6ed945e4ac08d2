/// What a text goes on from.
package enum Prompt: Sendable, Equatable {
  case text(String)
  /// Ids in the model's vocabulary, of which the worker knows.
  case tokens([Int])

  package var text: String? {
    if case .text(let text) = self { text } else { nil }
  }

  var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .tokens(let tokens): .array(tokens.map { .integer(Int64($0)) })
    }
  }
}
