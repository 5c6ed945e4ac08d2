/// Which two adjacent tokens merge, and how early: an open-addressing hash table of id pairs.
struct MergeTable: Sendable {
  /// The rank of a pair that never merges, behind every rank.
  static let none = UInt32.max

  /// `left << 40 | right << 20 | rank`, all ones where empty.
  private var slots: [UInt64]
  private let shift: UInt64
  /// The id that the merge of a rank makes.
  private let ids: [Int32]

  init(_ merges: [Vocabulary.Merge]) {
    var bits: UInt64 = 4
    while merges.count * 2 > 1 << bits { bits += 1 }
    shift = 64 - bits
    slots = [UInt64](repeating: .max, count: 1 << bits)
    ids = merges.map(\.id)
    for (rank, merge) in merges.enumerated() {
      let pair = UInt64(merge.left) << 20 | UInt64(merge.right)
      var slot = home(of: pair)
      // Of two lines with the same pair the later one counts, as in OpenAI's and Hugging Face's code.
      while slots[slot] != .max, slots[slot] >> 20 != pair { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = pair << 20 | UInt64(rank)
    }
  }

  @inline(__always)
  private func home(of pair: UInt64) -> Int {
    Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  @inline(__always)
  func rank(_ left: Int32, _ right: Int32) -> UInt32 {
    let pair = UInt64(UInt32(bitPattern: left)) << 20 | UInt64(UInt32(bitPattern: right))
    var slot = home(of: pair)
    while true {
      let entry = slots[slot]
      if entry >> 20 == pair { return UInt32(truncatingIfNeeded: entry & 0xF_FFFF) }
      if entry == .max { return Self.none }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  @inline(__always)
  func id(ofRank rank: UInt32) -> Int32 { ids[Int(rank)] }
}
