/// What a model file says besides the weights: how the model is called and how its inputs are prepared.
package struct ModelMetadata: Sendable, Equatable {
  /// Where a classifier reads its logits.
  package enum Padding: Sendable, Equatable {
    /// At the last real token.
    case none
    /// At the last of this many positions; shorter texts are padded up to it, longer ones cut.
    case length(Int)
    /// At the last position of the model's context.
    case context
  }

  /// The name in answers, `gpt2` for example.
  package var name: String
  /// The format and file that the weights were converted from, for `gpt2 inspect`.
  package var source: String
  package var padding: Padding
  /// The token that fills up to `padding`.
  package var padToken: Int32
  /// The token that ends a text; nil if the model has none.
  package var endOfText: Int32?

  package init(
    name: String = "gpt2", source: String = "", padding: Padding = .none, padToken: Int32 = 50256,
    endOfText: Int32? = 50256
  ) {
    self.name = name
    self.source = source
    self.padding = padding
    self.padToken = padToken
    self.endOfText = endOfText
  }
}
