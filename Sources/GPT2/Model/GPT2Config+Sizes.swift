extension GPT2Config {
  /// The shapes that have names: OpenAI's four, Hugging Face's distilled one, and one to try things with.
  package static let sizes: [(name: String, config: GPT2Config)] = [
    ("gpt2", size(layers: 12, width: 768)), ("gpt2-medium", size(layers: 24, width: 1024)),
    ("gpt2-large", size(layers: 36, width: 1280)), ("gpt2-xl", size(layers: 48, width: 1600)),
    ("distilgpt2", size(layers: 6, width: 768)), ("gpt2-tiny", size(layers: 2, width: 128)),
  ]

  /// The shape of this name; throws `invalidArgument` with the names that there are.
  package static func named(_ name: String) throws(GPT2Error) -> GPT2Config {
    if let size = sizes.first(where: { $0.name == name }) { return size.config }
    throw GPT2Error(
      .invalidArgument,
      "there is no model size \"\(name)\"; allowed are \(sizes.map(\.name).joined(separator: ", "))")
  }

  private static func size(layers: Int, width: Int) -> GPT2Config {
    GPT2Config(
      vocabularySize: 50257, contextLength: 1024, width: width, layers: layers, heads: width / 64)
  }
}
