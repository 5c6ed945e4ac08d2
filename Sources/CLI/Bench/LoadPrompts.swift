import GPT2
import JobWire

/// Bodies of `POST /generate`, none of which was sent before: neither a prefix that was computed already nor a job
/// that is known can flatter a figure.
struct LoadPrompts {
  /// What follows in every prompt; nil: seven random words are the prompt.
  let text: String?
  let maxNewTokens: Int
  private var generator: SplitMix64

  /// Each is one token of GPT-2's where it follows another.
  private static let words = """
    apple bridge castle dinner engine forest garden hammer island jacket kitchen ladder market number ocean
    paper question river season table uncle valley window yellow animal border circle doctor evening father
    group history insect journal knife letter minute nature office pencil quarter rabbit silver teacher
    under village winter young answer bottle color danger energy finger ground hundred image judge key language
    """.split(whereSeparator: \.isWhitespace).map(String.init)
  private static let wordsInPrompt = 7

  init(text: String?, maxNewTokens: Int, seed: UInt64) {
    self.text = text
    self.maxNewTokens = maxNewTokens
    self.generator = SplitMix64(seed: seed)
  }

  mutating func nextPrompt() -> String {
    if let text { return "\(UInt32.random(in: .min ... .max, using: &generator)) \(text)" }
    return (0..<Self.wordsInPrompt).map { _ in
      Self.words[Int.random(in: 0..<Self.words.count, using: &generator)]
    }.joined(separator: " ")
  }

  mutating func nextBody() -> [UInt8] {
    JSONValue.fields([
      ("prompt", .string(nextPrompt())), ("max_new_tokens", .integer(Int64(maxNewTokens))),
      ("temperature", .double(0.8)), ("top_k", .integer(50)), ("top_p", .double(0.95)),
    ]).encoded
  }
}
