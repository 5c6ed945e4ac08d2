import GPT2

/// Prompts of token ids that no one computed before: every one is another, so neither a shared prefix nor a
/// repetition can flatter a figure.
struct BenchmarkPrompts {
  enum Text: String, CaseIterable {
    /// Every token is drawn by itself.
    case random
    /// A short phrase again and again, as far as the prompt is long.
    case `repeat`
  }

  /// Ids from 0 up to this one are drawn.
  let vocabularySize: Int
  let length: Int
  let text: Text
  private var generator: SplitMix64
  private static let phraseLength = 12

  init(vocabularySize: Int, length: Int, text: Text, seed: UInt64) {
    self.vocabularySize = vocabularySize
    self.length = length
    self.text = text
    self.generator = SplitMix64(seed: seed)
  }

  mutating func next() -> [Int32] {
    let drawn = text == .random ? length : min(length, Self.phraseLength)
    let tokens = (0..<drawn).map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &generator) }
    return (0..<length).map { tokens[$0 % drawn] }
  }

  mutating func batch(of count: Int) -> [[Int32]] { (0..<count).map { _ in next() } }
}
