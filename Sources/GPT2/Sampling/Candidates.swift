/// The weights of all tokens, of which the heaviest are kept without sorting them all.
///
/// Candidates are ordered by weight, the lower id first among equals, so that the choice never depends on how
/// a selection algorithm happened to move them.
struct Candidates {
  /// `[V]`, each in `0 ... 1`, the greatest 1.
  let weights: UnsafeBufferPointer<Float>

  /// The last candidate that is kept.
  struct Cut: Equatable {
    var weight: Float
    var id: Int

    /// Keeps all.
    static let none = Cut(weight: -1, id: .max)

    func keeps(_ weight: Float, _ id: Int) -> Bool {
      weight > self.weight || (weight == self.weight && id <= self.id)
    }
  }

  /// What a candidate adds towards the target of a cut.
  enum Measure {
    case count, mass

    func of(_ weight: Float) -> Double {
      switch self {
      case .count: 1
      case .mass: Double(weight)
      }
    }
  }

  func mass(above cut: Cut) -> Double {
    var mass = 0.0
    for id in weights.indices where cut.keeps(weights[id], id) { mass += Double(weights[id]) }
    return mass
  }

  /// Of the candidates above `previous`, keeps the heaviest until their measures reach `target`, the one that
  /// reaches it included, as Hugging Face's `TopKLogitsWarper` and `TopPLogitsWarper` do. At least one is kept.
  ///
  /// A histogram finds the narrow range of weights in which the target is reached; only that is sorted.
  func cut(above previous: Cut, reaching target: Double, by measure: Measure) -> Cut {
    var histogram = [Double](repeating: 0, count: Self.binCount)
    for id in weights.indices where previous.keeps(weights[id], id) {
      histogram[Self.bin(weights[id])] += measure.of(weights[id])
    }
    var reached = 0.0
    var bin = Self.binCount - 1
    while bin > 0, reached + histogram[bin] < target {
      reached += histogram[bin]
      bin -= 1
    }

    var inBin: [Cut] = []
    for id in weights.indices where Self.bin(weights[id]) == bin && previous.keeps(weights[id], id) {
      inBin.append(Cut(weight: weights[id], id: id))
    }
    inBin.sort { $0.weight > $1.weight || ($0.weight == $1.weight && $0.id < $1.id) }
    for candidate in inBin {
      reached += measure.of(candidate.weight)
      if reached >= target { return candidate }
    }
    return inBin.last ?? previous
  }

  /// The kept candidate at which the running sum of the weights, by ascending id, passes `uniform` of it all.
  func draw(above cut: Cut, uniform: Double) -> Int32 {
    let target = uniform * mass(above: cut)
    var sum = 0.0
    var last = 0
    for id in weights.indices where weights[id] > 0 && cut.keeps(weights[id], id) {
      sum += Double(weights[id])
      last = id
      if sum > target { break }
    }
    return Int32(last)
  }

  /// The bit pattern of a float that is not negative grows with its value: its exponent and first three bits
  /// of the fraction are the number of its bin.
  private static func bin(_ weight: Float) -> Int { Int(weight.bitPattern >> 20) }
  private static let binCount = bin(1) + 1
}
