/// The weights of a GPT-2 model that nobody trained: made from a seed, to measure with where no checkpoint is
/// at hand.
///
/// They are drawn with GPT-2's own scales (0.02, the projections into the residual stream divided by √(2L), the
/// embeddings those of the trained model) but from Student's t instead of a normal distribution, since trained
/// matrices have tails: their greatest weights are 30 to 50 standard deviations, and a quantizer that looks fine
/// without them can be ten times worse. A few channels have large layer norm gains, as they have in trained
/// models, so activations have outliers too.
///
/// The gains of the last layer norm give the logits the spread that a trained model's have. Their signs are
/// random: the head is the token embedding, and without them a token's own row would often be the nearest to
/// the end of the residual stream, and the text one token again and again.
///
/// Only additions, multiplications, divisions and square roots are used, all of which IEEE 754 rounds in one
/// way: a seed gives the same bits on every machine.
package struct RandomWeights: WeightSource, Sendable {
  package let config: GPT2Config
  package let seed: UInt64
  package var head: ModelHead { .languageModel(tied: true) }

  package init(config: GPT2Config, seed: UInt64) {
    self.config = config
    self.seed = seed
  }

  /// Each tensor has a stream of random numbers of its own, so the order of asking does not matter.
  package func values(of tensor: ModelTensor) throws(GPT2Error) -> [Float] {
    let count = tensor.shape(in: config, head: head).reduce(1, *)
    var stream = Stream(seed: seed, label: StoredTensor(tensor, .rows).label)
    switch tensor {
    case .tokenEmbedding, .headWeight:
      // A row with a huge weight would be the answer to everything: these have the lighter tails.
      return (0..<count).map { _ in Float(Self.embeddingScale * stream.lightTailed()) }
    case .positionEmbedding:
      return (0..<count).map { _ in Float(0.05 * stream.heavyTailed()) }
    case .finalNormWeight:
      let gain = Self.logitScale / (Self.embeddingScale * Double(config.width).squareRoot())
      return (0..<count).map { _ in Float((stream.uniform() < 0.5 ? gain : -gain) * stream.gain()) }
    case .finalNormBias, .headBias:
      return (0..<count).map { _ in Float(0.02 * stream.heavyTailed()) }
    case .block(_, let block):
      return blockValues(block, count: count, &stream)
    }
  }

  private static let embeddingScale = 0.14
  /// The standard deviation of the logits at a position.
  private static let logitScale = 2.5

  private func blockValues(_ tensor: ModelTensor.Block, count: Int, _ stream: inout Stream) -> [Float] {
    switch tensor {
    case .norm1Weight, .norm2Weight:
      var gains = (0..<count).map { _ in Float(stream.gain()) }
      for channel in outlierChannels { gains[channel] *= Float(4 + 4 * stream.uniform()) }
      return gains
    case .attentionOutputWeight, .attentionOutputBias, .mlpOutputWeight, .mlpOutputBias:
      let scale = 0.02 / Double(2 * config.layers).squareRoot()
      return (0..<count).map { _ in Float(scale * stream.heavyTailed()) }
    case .attentionInputWeight, .attentionInputBias, .mlpInputWeight, .mlpInputBias, .norm1Bias, .norm2Bias:
      return (0..<count).map { _ in Float(0.02 * stream.heavyTailed()) }
    }
  }

  /// The same channels in all blocks.
  private var outlierChannels: [Int] {
    var stream = Stream(seed: seed, label: "outliers")
    return (0..<max(1, config.width / 256)).map { _ in Int(stream.uniform() * Double(config.width)) }
  }
}

extension RandomWeights {
  /// A stream of random numbers that follows from the seed and a name.
  struct Stream {
    private var generator: SplitMix64

    init(seed: UInt64, label: String) {
      // FNV-1a of the name; the generator's output of the seed keeps neighbouring seeds apart.
      var start = SplitMix64(seed: seed)
      generator = SplitMix64(
        seed: label.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } ^ start.next()
      )
    }

    /// 0 ..< 1.
    mutating func uniform() -> Double { Double(generator.next() >> 11) * 0x1p-53 }

    /// Around 1, never near 0.
    mutating func gain() -> Double { max(0.25, 1 + 0.1 * heavyTailed()) }

    /// Student's t of 4 degrees of freedom, scaled to a standard deviation of 1; at most 49, the greatest
    /// found in GPT-2.
    mutating func heavyTailed() -> Double {
      while true {
        let (u, w) = pointInCircle()
        let value = u * (2 * (1 / w.squareRoot() - 1) / w).squareRoot()
        if value.magnitude <= 49 { return value }
      }
    }

    /// Student's t of 8 degrees of freedom, scaled to a standard deviation of 1; at most 12.
    mutating func lightTailed() -> Double {
      while true {
        let (u, w) = pointInCircle()
        let value = u * (6 * (1 / w.squareRoot().squareRoot() - 1) / w).squareRoot()
        if value.magnitude <= 12 { return value }
      }
    }

    /// A coordinate of a random point in the unit circle and its squared distance from the centre. From it
    /// u·√(ν(w^(-2/ν) - 1)/w) is Student's t of ν degrees of freedom (Bailey: "Polar Generation of Random
    /// Variates with the t-Distribution", 1994).
    private mutating func pointInCircle() -> (u: Double, w: Double) {
      while true {
        let bits = generator.next()
        let u = Double(Int32(truncatingIfNeeded: bits >> 32)) * 0x1p-31
        let v = Double(Int32(truncatingIfNeeded: bits)) * 0x1p-31
        let w = u * u + v * v
        if w > 0, w <= 1 { return (u, w) }
      }
    }
  }
}
