import GPT2
import JobWire

/// A prompt as the model reads it.
struct TokenizedPrompt: Sendable {
  let tokens: [Int32]
  /// What the tokens say.
  let text: String

  /// - Throws: `invalidArgument`, if an id is no token of the tokenizer.
  init(_ prompt: Prompt, template: PromptTemplate, tokenizer: BPETokenizer) throws(GPT2Error) {
    switch prompt {
    case .text(let text):
      self.text = template.fill(with: text)
      tokens = tokenizer.encode(self.text)
    case .tokens(let ids):
      tokens = ids.map { Int32(clamping: $0) }
      text = try tokenizer.decodeText(tokens)
    }
  }

  private init(tokens: [Int32], text: String) {
    self.tokens = tokens
    self.text = text
  }

  /// The last tokens of the prompt, at most `count`.
  func suffix(_ count: Int, tokenizer: BPETokenizer) throws(GPT2Error) -> TokenizedPrompt {
    if tokens.count <= count { return self }
    let rest = Array(tokens.suffix(count))
    return TokenizedPrompt(tokens: rest, text: try tokenizer.decodeText(rest))
  }
}
