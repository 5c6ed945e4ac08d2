/// Weights in blocks of 64, and what is asked about them.
struct WeightBlocks {
  private let weights: UnsafeBufferPointer<Float>
  private let summaries: WeightSummaries

  init(_ weights: UnsafeBufferPointer<Float>) {
    self.weights = weights
    summaries = WeightSummaries(weights)
  }

  /// Of the blocks.
  var indices: Range<Int> { 0..<summaries.count }

  subscript(id: Int) -> Float { weights[id] }

  func ids(of block: Int) -> Range<Int> {
    let first = block * WeightSummaries.blockSize
    return min(first, weights.count)..<min(first + WeightSummaries.blockSize, weights.count)
  }

  /// The sum of a block.
  func mass(of block: Int) -> Double { summaries.mass(of: block) }

  /// The sum of the weights that are at least `limit`, in some of the blocks or in all.
  func mass(from limit: Float, in range: Range<Int>? = nil) -> Double {
    summaries.mass(from: limit, in: range ?? indices)
  }

  /// How many weigh at least `limit`.
  func count(from limit: Float, in range: Range<Int>? = nil) -> Int {
    summaries.count(from: limit, in: range ?? indices)
  }

  /// The ids with weights in a range, ascending.
  func ids(_ range: Range<Float>) -> [Int] {
    var ids: [Int] = []
    for block in indices where summaries.greatest(of: block) >= range.lowerBound {
      let all = count(from: range.lowerBound, in: block..<block + 1)
      guard all > count(from: range.upperBound, in: block..<block + 1) else { continue }
      for id in self.ids(of: block) where range.contains(weights[id]) { ids.append(id) }
    }
    return ids
  }
}
