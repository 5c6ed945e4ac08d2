/// The weights of all tokens, of which the heaviest are kept without sorting them all.
///
/// Candidates are ordered by weight, the lower id first among equals. Sums are taken over blocks of 64 in one order,
/// whatever the machine, so the same weights always lead to the same choice. Where no weight of a block can count, the
/// block is not read.
struct Candidates {
  /// The last candidate that is kept.
  struct Cut: Equatable {
    var weight: Float
    var id: Int

    /// Keeps all that weigh anything.
    static let none = Cut(weight: .leastNonzeroMagnitude, id: .max)

    func keeps(_ weight: Float, _ id: Int) -> Bool {
      weight > self.weight || (weight == self.weight && id <= self.id)
    }
  }

  /// What a candidate adds towards the target of a cut.
  enum Measure {
    case count, mass
  }

  /// `[V]`, each in `0 ... 1`.
  private let weights: WeightBlocks

  init(weights: UnsafeBufferPointer<Float>) {
    self.weights = WeightBlocks(weights)
  }

  func mass(above cut: Cut) -> Double {
    var mass = 0.0
    for block in weights.indices { mass += self.mass(of: block, above: cut) }
    return mass
  }

  /// Of the candidates above `previous`, keeps the heaviest until their measures reach `target`, the one that
  /// reaches it included, as Hugging Face's `TopKLogitsWarper` and `TopPLogitsWarper` do. At least one is kept.
  func cut(above previous: Cut, reaching target: Double, by measure: Measure) -> Cut {
    // The weight at which the target is reached lies in `low ..< high`: bit patterns, which grow with the value of a
    // float that is not negative. `above` and `atLow` are what is reached at both ends, and at most `within`
    // candidates lie between them.
    var low = previous.weight.bitPattern
    var high = Float(1).bitPattern + 1
    var (above, atLow) = (0.0, Double.infinity)
    var within = Double.infinity
    var probes = 0
    while high - low > 1, within > Self.fewEnough {
      let probe: UInt32
      if probes < Self.firstProbes.count {
        probe = Self.firstProbes[probes]
      } else if probes % 3 == 0 || atLow == .infinity {
        probe = low + (high - low) / 2
      } else {
        // Where the target should be, and a little to this side and then to that, so that both ends move.
        let part = (target - above) / (atLow - above) + (probes % 3 == 1 ? 0x1p-5 : -0x1p-5)
        probe = high - UInt32(Double(high - low) * max(0x1p-5, min(1 - 0x1p-5, part)))
      }
      probes += 1
      guard probe > low, probe < high else { continue }
      let reached = self.reached(at: Float(bitPattern: probe), by: measure)
      if reached >= target {
        (low, atLow) = (probe, reached)
      } else {
        (high, above) = (probe, reached)
      }
      within = (atLow - above) / (measure == .count ? 1 : Double(Float(bitPattern: low)))
    }

    var candidates = weights.ids(Float(bitPattern: low)..<Float(bitPattern: high)).map {
      Cut(weight: weights[$0], id: $0)
    }
    candidates.sort { $0.weight > $1.weight || ($0.weight == $1.weight && $0.id < $1.id) }
    var reached = above
    for candidate in candidates where previous.keeps(candidate.weight, candidate.id) {
      reached += measure == .count ? 1 : Double(candidate.weight)
      if reached >= target { return candidate }
    }
    return candidates.last { previous.keeps($0.weight, $0.id) } ?? previous
  }

  private func reached(at limit: Float, by measure: Measure) -> Double {
    switch measure {
    case .count: Double(weights.count(from: limit))
    case .mass: weights.mass(from: limit)
    }
  }

  /// The kept candidate at which the running sum of the weights, by ascending id, passes `uniform` of it all.
  func draw(above cut: Cut, uniform: Double) -> Int32 {
    let target = uniform * mass(above: cut)
    var sum = 0.0
    var last = 0
    var before = 0.0
    for block in weights.indices {
      let mass = self.mass(of: block, above: cut)
      guard mass > 0 else { continue }
      last = block
      before = sum
      sum += mass
      if sum > target { break }
    }
    var chosen = 0
    for id in weights.ids(of: last) where weights[id] > 0 && cut.keeps(weights[id], id) {
      chosen = id
      before += Double(weights[id])
      if before > target { break }
    }
    return Int32(chosen)
  }

  /// Equals are kept in the blocks before that of the cut, and not in those after it.
  private func mass(of block: Int, above cut: Cut) -> Double {
    if cut == .none { return weights.mass(of: block) }
    let ids = weights.ids(of: block)
    if ids.upperBound <= cut.id { return weights.mass(from: cut.weight, in: block..<block + 1) }
    if ids.lowerBound > cut.id { return weights.mass(from: cut.weight.nextUp, in: block..<block + 1) }
    var mass = 0.0
    for id in ids where cut.keeps(weights[id], id) { mass += Double(weights[id]) }
    return mass
  }

  /// Where the cut of a peaked distribution is looked for first, so that few blocks are read.
  private static let firstProbes = [Float(0x1p-4), 0x1p-8, 0x1p-14].map(\.bitPattern)
  /// So many are sorted rather than parted further.
  private static let fewEnough = 128.0
}
