/// Chooses the next token of one sequence from its logits.
///
/// The random number of a position is a function of the seed and the position alone. So a sequence gets the
/// same tokens alone or in a batch, in its first run or in a second one after a crash, and a speculated token
/// is accepted exactly when plain sampling would have chosen it.
struct Sampler: Sendable {
  let parameters: SamplingParameters
  private let level: KernelLevel

  /// - Parameter level: what computes the weights. The machine must be able to run it.
  init(_ parameters: SamplingParameters, level: KernelLevel) {
    self.parameters = parameters
    self.level = level
  }

  /// How many floats of scratch a choice among so many logits takes.
  static func scratchCount(_ logits: Int) -> Int { 2 * logits }

  /// The id of the token at `position` of the sequence, among the first `logits.count` ids. Several threads may
  /// choose at once, each with its own scratch.
  ///
  /// - Parameters:
  ///   - logits: `[V]`, at least one finite.
  ///   - history: of the tokens before that position, if the parameters ask for one.
  ///   - forbidden: a token that must not be chosen.
  ///   - scratch: `scratchCount` many; overwritten.
  func choose(
    _ logits: UnsafeBufferPointer<Float>, at position: Int, after history: TokenHistory? = nil,
    forbidding forbidden: Int32? = nil, scratch: UnsafeMutableBufferPointer<Float>
  ) -> Int32 {
    guard !logits.isEmpty else { return 0 }
    var logits = logits
    if let changes = LogitChanges(parameters, after: history, forbidding: forbidden) {
      let changed = UnsafeMutableBufferPointer(rebasing: scratch[logits.count..<2 * logits.count])
      _ = changed.update(from: logits)
      changes.apply(to: changed)
      logits = UnsafeBufferPointer(changed)
    }
    guard parameters.temperature > 0 else { return Int32(level.argmax(logits)) }

    let weights = UnsafeMutableBufferPointer(rebasing: scratch[..<logits.count])
    let (candidates, cut) = candidates(logits, weights: weights)
    return candidates.draw(above: cut, uniform: uniform(at: position))
  }

  /// Those that may be chosen.
  ///
  /// - Parameters:
  ///   - logits: changed already.
  ///   - weights: `[V]`; overwritten with weights proportional to the probabilities at this temperature, and read as long
  ///     as the candidates are.
  func candidates(
    _ logits: UnsafeBufferPointer<Float>, weights: UnsafeMutableBufferPointer<Float>
  ) -> (Candidates, Candidates.Cut) {
    let scale = 1 / parameters.temperature
    level.weights(logits, scale: scale, into: weights)
    let candidates = Candidates(weights: UnsafeBufferPointer(weights))
    var cut = Candidates.Cut.none
    if parameters.topK > 0, parameters.topK < logits.count {
      cut = candidates.cut(above: cut, reaching: Double(parameters.topK), by: .count)
    }
    if parameters.topP < 1 {
      let mass = Double(parameters.topP) * candidates.mass(above: cut)
      cut = candidates.cut(above: cut, reaching: mass, by: .mass)
    }
    // The greatest weight is 1, so a weight is the part of the most likely token's probability.
    if parameters.minP > cut.weight { cut = Candidates.Cut(weight: parameters.minP, id: .max) }
    guard parameters.typicalP < 1 else { return (candidates, cut) }
    var typical = TypicalSet(logits, scale: scale, weights: UnsafeBufferPointer(weights), above: cut)
    typical.keep(parameters.typicalP, of: weights)
    return (Candidates(weights: UnsafeBufferPointer(weights)), .none)
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
