/// Byte-pair encoding of one piece: merges the adjacent pair of the lowest rank, leftmost first, until none
/// is left.
///
/// Short pieces are scanned for the lowest rank at every step; long ones, where that would be quadratic, go
/// through a heap of pairs and a linked list of tokens.
struct PieceMerger {
  /// From this many bytes on the heap is faster.
  static let longPiece = 64

  private let merges: MergeTable
  private let byteIDs: [Int32]
  private var ids = [Int32](repeating: 0, count: longPiece)
  private var ranks = [UInt32](repeating: 0, count: longPiece)

  init(merges: MergeTable, byteIDs: [Int32]) {
    self.merges = merges
    self.byteIDs = byteIDs
  }

  mutating func append(_ piece: UnsafeBufferPointer<UInt8>, to output: inout [Int32]) {
    if piece.count < Self.longPiece {
      appendShort(piece, to: &output)
    } else {
      var merger = LongPieceMerger(piece, merges: merges, byteIDs: byteIDs)
      merger.run()
      merger.append(to: &output)
    }
  }

  private mutating func appendShort(_ piece: UnsafeBufferPointer<UInt8>, to output: inout [Int32]) {
    var count = piece.count
    guard count > 0 else { return }
    ids.withUnsafeMutableBufferPointer { ids in
      ranks.withUnsafeMutableBufferPointer { ranks in
        ids[0] = byteIDs[Int(piece[0])]
        for index in 1..<max(count, 1) {
          ids[index] = byteIDs[Int(piece[index])]
          ranks[index - 1] = merges.rank(ids[index - 1], ids[index])
        }
        while count > 1 {
          var best = MergeTable.none
          var at = 0
          for index in 0..<count - 1 where ranks[index] < best {
            best = ranks[index]
            at = index
          }
          guard best != MergeTable.none else { break }
          ids[at] = merges.id(ofRank: best)
          count -= 1
          for index in at + 1..<max(count, at + 1) {
            ids[index] = ids[index + 1]
            ranks[index - 1] = ranks[index]
          }
          if at + 1 < count { ranks[at] = merges.rank(ids[at], ids[at + 1]) }
          if at > 0 { ranks[at - 1] = merges.rank(ids[at - 1], ids[at]) }
        }
        output.append(contentsOf: ids[0..<count])
      }
    }
  }
}
