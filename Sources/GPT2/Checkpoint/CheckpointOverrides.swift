/// What the user says about a checkpoint; each wins over what the file says or leaves open.
package struct CheckpointOverrides: Sendable, Equatable {
  /// The number of attention heads.
  package var heads: Int?
  package var activation: GPT2Config.Activation?
  /// The dotted path of the state dict in the file, where it holds several models; "" is the top level.
  package var stateDictKey: String?
  /// A size of OpenAI's (`gpt2`, `gpt2-medium`, `gpt2-large`, `gpt2-xl`): its number of heads is taken
  /// where the file does not say one and the width is that of this size.
  package var modelName: String?
  /// The labels of a classifier, in the order of its rows.
  package var labels: [String]?

  package init(
    heads: Int? = nil, activation: GPT2Config.Activation? = nil, stateDictKey: String? = nil,
    modelName: String? = nil, labels: [String]? = nil
  ) {
    self.heads = heads
    self.activation = activation
    self.stateDictKey = stateDictKey
    self.modelName = modelName
    self.labels = labels
  }

  /// Whether this is the name of one of OpenAI's sizes.
  package static func isSize(_ name: String) -> Bool { sizes[name] != nil }

  /// OpenAI's four sizes: width and heads.
  static let sizes: [String: (width: Int, heads: Int)] = [
    "gpt2": (768, 12), "gpt2-small": (768, 12), "gpt2-medium": (1024, 16), "gpt2-large": (1280, 20),
    "gpt2-xl": (1600, 25),
  ]
}
