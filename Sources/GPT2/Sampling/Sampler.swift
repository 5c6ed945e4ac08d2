/// Chooses the next token of one sequence from its logits.
///
/// The random number of a position is a function of the seed and the position alone. So a sequence gets the
/// same tokens alone or in a batch, in its first run or in a second one after a crash, and a speculated token
/// is accepted exactly when plain sampling would have chosen it.
package struct Sampler: Sendable {
  package let parameters: SamplingParameters
  private let level: KernelLevel

  /// - Parameter level: what computes the weights. The machine must be able to run it.
  package init(_ parameters: SamplingParameters, level: KernelLevel) {
    self.parameters = parameters
    self.level = level
  }

  /// The id of the token at `position` of the sequence, among the first `logits.count` ids. Several threads may
  /// choose at once, each with its own scratch.
  ///
  /// - Parameters:
  ///   - logits: `[V]`, at least one finite.
  ///   - scratch: `[V]`; overwritten with weights proportional to the probabilities at this temperature.
  package func choose(
    _ logits: UnsafeBufferPointer<Float>, at position: Int, scratch: UnsafeMutableBufferPointer<Float>
  ) -> Int32 {
    guard !logits.isEmpty else { return 0 }
    guard parameters.temperature > 0 else { return Int32(level.argmax(logits)) }

    let weights = UnsafeMutableBufferPointer(rebasing: scratch[..<logits.count])
    level.weights(logits, scale: 1 / parameters.temperature, into: weights)
    let candidates = Candidates(weights: UnsafeBufferPointer(weights))
    var cut = Candidates.Cut.none
    if parameters.topK > 0, parameters.topK < logits.count {
      cut = candidates.cut(above: cut, reaching: Double(parameters.topK), by: .count)
    }
    if parameters.topP < 1 {
      let mass = Double(parameters.topP) * candidates.mass(above: cut)
      cut = candidates.cut(above: cut, reaching: mass, by: .mass)
    }
    return candidates.draw(above: cut, uniform: uniform(at: position))
  }

  /// A number in `0 ..< 1` that depends on nothing but the seed and the position: SplitMix64's output function
  /// over a counter (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
  func uniform(at position: Int) -> Double {
    var bits = Self.mix(parameters.seed) &+ UInt64(truncatingIfNeeded: position) &* 0x9E37_79B9_7F4A_7C15
    bits = Self.mix(bits)
    return Double(bits >> 11) * 0x1p-53
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var bits = value &+ 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}
