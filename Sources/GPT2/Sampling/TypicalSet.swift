/// The tokens whose information is nearest to what is to be expected: those with the least |log p + H|, H the entropy of
/// them all, until together they reach a probability; all equals of the last one too, as in Hugging Face's
/// `TypicalLogitsWarper`.
///
/// With weights in place of probabilities: log p and -H are both less by the logarithm of the weights' sum than log w and
/// its mean, so that sum cancels out.
struct TypicalSet {
  private struct Member {
    let id: Int
    let weight: Float
    let distance: Float
  }

  private var members: [Member] = []
  private var mass = 0.0

  /// Of those of the candidates that are kept by a cut.
  ///
  /// - Parameters:
  ///   - logits: `[V]`, those that the weights were made from.
  ///   - scale: with which they were made.
  ///   - weights: `[V]`, the greatest 1.
  init(
    _ logits: UnsafeBufferPointer<Float>, scale: Float, weights: UnsafeBufferPointer<Float>,
    above cut: Candidates.Cut
  ) {
    var mean = 0.0
    var top = -Float.infinity
    for id in weights.indices where weights[id] == 1 { top = max(top, logits[id]) }
    // An infinite scale leaves the greatest alone, whose logarithm would not be a number.
    func logWeight(_ id: Int) -> Float { weights[id] == 1 ? 0 : (logits[id] - top) * scale }
    members.reserveCapacity(weights.count)
    for id in weights.indices where weights[id] > 0 && cut.keeps(weights[id], id) {
      let logWeight = logWeight(id)
      members.append(Member(id: id, weight: weights[id], distance: logWeight))
      mass += Double(weights[id])
      mean += Double(weights[id]) * Double(logWeight)
    }
    mean /= mass
    for index in members.indices {
      let member = members[index]
      members[index] = Member(
        id: member.id, weight: member.weight, distance: abs(Float(Double(member.distance) - mean)))
    }
  }

  /// Sets the weights of all that don't belong to it to 0.
  mutating func keep(_ probability: Float, of weights: UnsafeMutableBufferPointer<Float>) {
    guard !members.isEmpty else { return }
    let limit = distance(reaching: Double(probability) * mass)
    weights.update(repeating: 0)
    for member in members where member.distance <= limit { weights[member.id] = member.weight }
  }

  /// The distance at which the nearest members reach a mass, found by parting them as quicksort does, but only the side
  /// where it lies.
  private mutating func distance(reaching target: Double) -> Float {
    members.withUnsafeMutableBufferPointer { members in
      var part = members
      var nearer = 0.0
      while part.count > 1 {
        let pivot = Self.median(
          part[0].distance, part[part.count / 2].distance, part[part.count - 1].distance)
        let less = part.partition { $0.distance >= pivot }
        let massOfLess = Self.mass(of: part[..<less])
        if less > 0, nearer + massOfLess >= target {
          // Without a number for a pivot nothing would be parted.
          guard less < part.count else { return pivot }
          part = UnsafeMutableBufferPointer(rebasing: part[..<less])
          continue
        }
        var rest = UnsafeMutableBufferPointer(rebasing: part[less...])
        let equal = rest.partition { $0.distance > pivot }
        nearer += massOfLess + Self.mass(of: rest[..<equal])
        if nearer >= target || equal == rest.count { return pivot }
        part = UnsafeMutableBufferPointer(rebasing: rest[equal...])
      }
      return part.first?.distance ?? .infinity
    }
  }

  private static func mass(of members: Slice<UnsafeMutableBufferPointer<Member>>) -> Double {
    members.reduce(0) { $0 + Double($1.weight) }
  }

  private static func median(_ a: Float, _ b: Float, _ c: Float) -> Float {
    max(min(a, b), min(max(a, b), c))
  }
}
