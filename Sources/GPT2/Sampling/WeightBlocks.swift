import CKernels

/// Weights in blocks of 64 with the sum and the greatest of each, and what is asked about them.
struct WeightBlocks {
  private let weights: UnsafeBufferPointer<Float>
  private let blocks: [ck_block]
  private static let size = Int(CK_BLOCK)

  init(_ weights: UnsafeBufferPointer<Float>) {
    self.weights = weights
    let count = (weights.count + Self.size - 1) / Self.size
    blocks = [ck_block](unsafeUninitializedCapacity: count) { blocks, initialized in
      ck_blocks(weights.baseAddress, weights.count, blocks.baseAddress)
      initialized = count
    }
  }

  /// Of the blocks.
  var indices: Range<Int> { blocks.indices }

  subscript(id: Int) -> Float { weights[id] }

  func ids(of block: Int) -> Range<Int> {
    let first = block * Self.size
    return min(first, weights.count)..<min(first + Self.size, weights.count)
  }

  /// The sum of a block.
  func mass(of block: Int) -> Double { Double(blocks[block].mass) }

  /// The sum of the weights that are at least `limit`, in some of the blocks or in all.
  func mass(from limit: Float, in range: Range<Int>? = nil) -> Double {
    let range = range ?? blocks.indices
    return ck_mass(weights.baseAddress, weights.count, blocks, range.lowerBound, range.upperBound, limit)
  }

  /// How many weigh at least `limit`.
  func count(from limit: Float, in range: Range<Int>? = nil) -> Int {
    let range = range ?? blocks.indices
    return ck_count(weights.baseAddress, weights.count, blocks, range.lowerBound, range.upperBound, limit)
  }

  /// The ids with weights in a range, ascending.
  func ids(_ range: Range<Float>) -> [Int] {
    var ids: [Int] = []
    for block in blocks.indices where blocks[block].greatest >= range.lowerBound {
      let all = count(from: range.lowerBound, in: block..<block + 1)
      guard all > count(from: range.upperBound, in: block..<block + 1) else { continue }
      for id in self.ids(of: block) where range.contains(weights[id]) { ids.append(id) }
    }
    return ids
  }
}
