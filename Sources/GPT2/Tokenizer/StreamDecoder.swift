/// Turns the tokens of one sequence into text as they come: whole characters only, and nothing that may turn
/// out to be the beginning of a stop string.
///
/// Without a stop string in it, all text given out is what `decodeText` gives for all tokens.
package struct StreamDecoder: Sendable {
  /// What became certain with a token.
  package struct Output: Sendable, Equatable {
    /// May be empty.
    package var text: String
    /// A stop string is complete. The text before it was given out; it and what follows is dropped.
    package var stopped: Bool

    package init(text: String, stopped: Bool) {
      self.text = text
      self.stopped = stopped
    }
  }

  private let tokenizer: BPETokenizer
  private var characters = UTF8Assembler()
  private var stops: StopMatcher

  /// A stop string ends the text when it is complete, across the borders of tokens too; of several that end
  /// at the same place the longest is cut off. Empty ones are ignored.
  package init(tokenizer: BPETokenizer, stop: [String] = []) {
    self.tokenizer = tokenizer
    stops = StopMatcher(stop)
  }

  /// Throws `invalidArgument` if the id is no token.
  package mutating func append(_ id: Int32) throws(GPT2Error) -> Output {
    let text = stops.append(characters.append(try tokenizer.decode([id])))
    return Output(text: text, stopped: stops.isStopped)
  }

  /// The text held back, to be called when the last token was appended: what looked like a stop string, and
  /// U+FFFD for a character that stayed incomplete.
  package mutating func finish() -> String {
    stops.append(characters.finish()) + stops.finish()
  }
}
