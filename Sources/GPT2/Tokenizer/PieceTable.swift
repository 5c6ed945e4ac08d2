/// Finds the token that is a whole piece: most words of a text need no merging.
struct PieceTable: Sendable {
  /// The upper half of the hash, then the id; all ones where empty.
  private var slots: [UInt64]
  private let tokens: TokenBytes

  init(tokens: TokenBytes, capacity: Int) {
    var count = 16
    while capacity * 2 > count { count *= 2 }
    slots = [UInt64](repeating: .max, count: count)
    self.tokens = tokens
  }

  mutating func insert(_ id: Int32) {
    let hash = tokens.withBytes(of: id) { Self.hash($0) }
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != .max { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = hash & ~0xFFFF_FFFF | UInt64(UInt32(bitPattern: id))
  }

  @inline(__always)
  func id(of piece: UnsafeBufferPointer<UInt8>) -> Int32? {
    guard piece.count <= tokens.longest else { return nil }
    let hash = Self.hash(piece)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while true {
      let entry = slots[slot]
      if entry == .max { return nil }
      if (entry ^ hash) >> 32 == 0 {
        let id = Int32(truncatingIfNeeded: entry)
        if tokens.withBytes(of: id, { $0.elementsEqual(piece) }) { return id }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  /// Reads eight bytes at a time, the last of them overlapping.
  @inline(__always)
  private static func hash(_ piece: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let raw = UnsafeRawBufferPointer(piece)
    let count = raw.count
    var hash = UInt64(count) &* 0x9E37_79B9_7F4A_7C15
    if count >= 8 {
      var at = 0
      while at < count - 8 {
        hash = mixed(hash ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        at += 8
      }
      return mixed(hash ^ raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
    }
    if count >= 4 {
      let low = UInt64(raw.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
      let high = UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
      return mixed(hash ^ low ^ high << 32)
    }
    guard count > 0 else { return hash }
    return mixed(hash ^ UInt64(raw[0]) ^ UInt64(raw[count / 2]) << 8 ^ UInt64(raw[count - 1]) << 16)
  }

  @inline(__always)
  private static func mixed(_ value: UInt64) -> UInt64 {
    let product = (value ^ value >> 32) &* 0xD6E8_FEB8_6659_FD93
    return product ^ product >> 32
  }
}
