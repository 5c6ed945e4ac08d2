/// The shape of a GPT-2 model: everything that the forward pass needs to know besides the weights.
package struct GPT2Config: Sendable, Equatable {
  /// The non-linearity between the two matrices of a block's MLP.
  package enum Activation: String, Sendable, CaseIterable {
    /// `0.5x(1 + tanh(√(2/π)(x + 0.044715x³)))`, Hugging Face's `gelu_new`: GPT-2's own.
    case geluTanh = "gelu_tanh"
    /// `0.5x(1 + erf(x/√2))`, PyTorch's `nn.GELU()`: nanoGPT's.
    case geluErf = "gelu_erf"
  }

  /// V: rows of the token embedding.
  package var vocabularySize: Int
  /// P: rows of the position embedding, the longest sequence in tokens.
  package var contextLength: Int
  /// E: the width of the residual stream.
  package var width: Int
  /// L: the number of blocks.
  package var layers: Int
  /// H: attention heads of a block, each `width / heads` wide.
  package var heads: Int
  /// I: the width between the two matrices of the MLP, 4E in GPT-2.
  package var innerWidth: Int
  package var layerNormEpsilon: Float
  package var activation: Activation

  package init(
    vocabularySize: Int, contextLength: Int, width: Int, layers: Int, heads: Int,
    innerWidth: Int? = nil, layerNormEpsilon: Float = 1e-5, activation: Activation = .geluTanh
  ) {
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.width = width
    self.layers = layers
    self.heads = heads
    self.innerWidth = innerWidth ?? 4 * width
    self.layerNormEpsilon = layerNormEpsilon
    self.activation = activation
  }

  /// The width of one attention head.
  package var headWidth: Int { width / heads }

  /// Throws `notGPT2` naming the first value that no model can have.
  package func validate() throws(GPT2Error) {
    let limits: [(name: String, value: Int, range: ClosedRange<Int>)] = [
      ("vocab_size", vocabularySize, 1...1 << 20), ("n_positions", contextLength, 1...1 << 20),
      ("n_embd", width, 1...1 << 16), ("n_layer", layers, 1...1024), ("n_head", heads, 1...1024),
      ("n_inner", innerWidth, 1...1 << 18),
    ]
    for limit in limits where !limit.range.contains(limit.value) {
      throw GPT2Error(
        .notGPT2,
        "\(limit.name) is \(limit.value); allowed is \(limit.range.lowerBound) to \(limit.range.upperBound)")
    }
    guard width % heads == 0 else {
      throw GPT2Error(.notGPT2, "n_embd \(width) is not divisible by n_head \(heads)")
    }
    guard layerNormEpsilon.isFinite, layerNormEpsilon > 0 else {
      throw GPT2Error(.notGPT2, "layer_norm_epsilon is \(layerNormEpsilon); it must be above 0")
    }
  }
}
