import GPT2
import JobWire

/// Tokens as texts for people.
struct TokenTexts: Sendable {
  private let tokenizer: BPETokenizer

  init(_ tokenizer: BPETokenizer) {
    self.tokenizer = tokenizer
  }

  /// A single token: its text, or `bytes:\xe2\x80` if it is only a part of a character.
  func text(of token: Int32) -> String {
    let bytes = tokenizer.bytes(of: token) ?? []
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return "bytes:" + bytes.map { ($0 < 16 ? "\\x0" : "\\x") + String($0, radix: 16) }.joined()
  }

  /// A token as it is told.
  ///
  /// - Parameter text: what became certain with it.
  func token(_ id: Int32, _ text: String, _ logprobs: TokenLogprobs?) -> JobPiece.Token {
    guard let logprobs else { return JobPiece.Token(token: Int(id), text: text) }
    let own = self.text(of: id)
    return JobPiece.Token(
      token: Int(id), text: text, ownText: own == text ? nil : own, logprob: logprobs.logprob.rounded5,
      alternatives: logprobs.top.isEmpty ? nil : logprobs.top.map(alternative))
  }

  private func alternative(_ candidate: TokenLogprobs.Candidate) -> JobPiece.Alternative {
    JobPiece.Alternative(
      token: Int(candidate.id), text: text(of: candidate.id), logprob: candidate.logprob.rounded5)
  }

  /// What becomes certain with each token: whole characters. All together are the text of the tokens.
  func pieces(of tokens: [Int32]) -> [String] {
    var decoder = StreamDecoder(tokenizer: tokenizer)
    var pieces = tokens.map { (try? decoder.append($0))?.text ?? "" }
    if !pieces.isEmpty { pieces[pieces.count - 1] += decoder.finish() }
    return pieces
  }

  /// The log-probabilities of all tokens of a text.
  ///
  /// - Parameter entries: one for each token; nil for the first of a prompt.
  func logprobs(of tokens: [Int32], _ entries: [TokenLogprobs?]) -> Logprobs {
    var logprobs = Logprobs()
    var offset = 0
    for ((token, piece), entry) in zip(zip(tokens, pieces(of: tokens)), entries) {
      logprobs.tokens.append(text(of: token))
      logprobs.tokenLogprobs.append(entry.map { $0.logprob.rounded5 })
      logprobs.topLogprobs.append(entry.flatMap { candidates(of: token, $0) })
      logprobs.textOffset.append(offset)
      offset += piece.unicodeScalars.count
    }
    return logprobs
  }

  /// The likeliest, and the token itself where it isn't among them.
  private func candidates(of token: Int32, _ entry: TokenLogprobs) -> [Logprobs.Candidate]? {
    guard !entry.top.isEmpty else { return nil }
    var candidates = entry.top
    if !candidates.contains(where: { $0.id == token }) {
      candidates.append(TokenLogprobs.Candidate(id: token, logprob: entry.logprob))
    }
    return candidates.map { Logprobs.Candidate(text: text(of: $0.id), logprob: $0.logprob.rounded5) }
  }
}

extension Float {
  /// To five decimals, which is more than quantized weights are good for.
  var rounded5: Double { (Double(self) * 1e5).rounded() / 1e5 }
}
