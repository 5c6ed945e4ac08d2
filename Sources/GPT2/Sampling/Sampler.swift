import Glibc

/// Chooses the next token of one sequence from its logits.
///
/// The random number of a position is a function of the seed and the position alone. So a sequence gets the
/// same tokens alone or in a batch, in its first run or in a second one after a crash, and a speculated token
/// is accepted exactly when plain sampling would have chosen it.
package struct Sampler: Sendable {
  package let parameters: SamplingParameters

  package init(_ parameters: SamplingParameters) {
    self.parameters = parameters
  }

  /// The id of the token at `position` of the sequence, among the first `logits.count` ids.
  ///
  /// - Parameters:
  ///   - logits: `[V]`, at least one finite.
  ///   - scratch: `[V]`; overwritten with weights proportional to the probabilities at this temperature.
  package func choose(
    _ logits: UnsafeBufferPointer<Float>, at position: Int, scratch: UnsafeMutableBufferPointer<Float>
  ) -> Int32 {
    guard parameters.temperature > 0 else { return Self.mostLikely(logits) }

    let weights = UnsafeMutableBufferPointer(rebasing: scratch[..<logits.count])
    exponentiate(logits, into: weights)
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

  /// The lowest id among those with the greatest logit.
  private static func mostLikely(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for id in 1..<max(1, logits.count) where logits[id] > logits[best] { best = id }
    return Int32(best)
  }

  /// `exp((logit - max) / temperature)`: the greatest weight is 1.
  private func exponentiate(
    _ logits: UnsafeBufferPointer<Float>, into weights: UnsafeMutableBufferPointer<Float>
  ) {
    var greatest = -Float.infinity
    for logit in logits { greatest = max(greatest, logit) }
    let scale = 1 / parameters.temperature
    for id in logits.indices {
      // A tiny temperature makes the scale infinite, and 0 · ∞ is no number: the greatest weighs 1 regardless.
      let distance = logits[id] - greatest
      let weight = distance == 0 ? 1 : exp(distance * scale)
      weights[id] = weight >= 0 ? weight : 0
    }
  }
}
