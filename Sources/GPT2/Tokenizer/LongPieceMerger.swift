/// Merges a long piece in O(n log n) steps: a heap finds the next pair, a linked list removes its right
/// token.
///
/// A pair that changes is pushed anew; its old entry stays in the heap and is skipped when it comes up,
/// because its rank is no longer the pair's.
package struct LongPieceMerger {
  private let merges: MergeTable
  /// The token that begins at a position, and the rank of it with the next one.
  private var ids: [Int32]
  private var ranks: [UInt32]
  /// The positions of the neighbours of a token; `ids.count` is behind the last one.
  private var next: [Int32]
  private var previous: [Int32]
  private var heap: PairHeap

  /// The heap's pushes and pops so far; the work grows with it.
  package private(set) var steps = 0

  init(_ piece: UnsafeBufferPointer<UInt8>, merges: MergeTable, byteIDs: [Int32]) {
    let count = piece.count
    self.merges = merges
    ids = piece.map { byteIDs[Int($0)] }
    next = (0..<count).map { Int32($0 + 1) }
    previous = (0..<count).map { Int32($0 - 1) }
    ranks = [UInt32](repeating: MergeTable.none, count: count)
    heap = PairHeap(capacity: count)
    for position in 0..<max(count - 1, 0) { rankPair(at: position) }
  }

  package mutating func run() {
    while let pair = heap.pop() {
      steps += 1
      guard ranks[pair.position] == pair.rank else { continue }
      let right = Int(next[pair.position])
      let after = Int(next[right])
      ids[pair.position] = merges.id(ofRank: pair.rank)
      ranks[right] = MergeTable.none
      next[pair.position] = Int32(after)
      if after < ids.count { previous[after] = Int32(pair.position) }
      rankPair(at: pair.position)
      if previous[pair.position] >= 0 { rankPair(at: Int(previous[pair.position])) }
    }
  }

  package func append(to output: inout [Int32]) {
    var position = 0
    while position < ids.count {
      output.append(ids[position])
      position = Int(next[position])
    }
  }

  private mutating func rankPair(at position: Int) {
    let right = Int(next[position])
    guard right < ids.count else {
      ranks[position] = MergeTable.none
      return
    }
    let rank = merges.rank(ids[position], ids[right])
    ranks[position] = rank
    if rank != MergeTable.none {
      steps += 1
      heap.push(rank: rank, position: position)
    }
  }
}

/// A binary min-heap of pairs by rank, the leftmost first among equals.
private struct PairHeap {
  /// `rank << 32 | position`.
  private var entries: [UInt64] = []

  init(capacity: Int) {
    entries.reserveCapacity(capacity)
  }

  mutating func push(rank: UInt32, position: Int) {
    let entry = UInt64(rank) << 32 | UInt64(position)
    var index = entries.count
    entries.append(entry)
    while index > 0 {
      let parent = (index - 1) / 2
      guard entries[parent] > entry else { break }
      entries[index] = entries[parent]
      index = parent
    }
    entries[index] = entry
  }

  mutating func pop() -> (rank: UInt32, position: Int)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
      guard entries[child] < last else { break }
      entries[index] = entries[child]
      index = child
    }
    if index < entries.count { entries[index] = last }
    return (UInt32(truncatingIfNeeded: first >> 32), Int(truncatingIfNeeded: first & 0xFFFF_FFFF))
  }
}
