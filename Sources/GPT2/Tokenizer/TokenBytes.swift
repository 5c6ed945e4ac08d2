/// The bytes of every token, one after the other.
struct TokenBytes: Sendable {
  /// `size + 1` offsets into `bytes`; an id that the vocabulary leaves out has no bytes.
  private let offsets: [UInt32]
  private let bytes: [UInt8]
  let longest: Int

  init(_ vocabulary: Vocabulary) {
    var lengths = [UInt32](repeating: 0, count: vocabulary.size)
    for id in vocabulary.byteIDs { lengths[Int(id)] = 1 }
    for extra in vocabulary.extras { lengths[Int(extra.id)] = UInt32(extra.bytes.count) }
    for merge in vocabulary.merges {
      lengths[Int(merge.id)] = lengths[Int(merge.left)] + lengths[Int(merge.right)]
    }
    var offsets: [UInt32] = [0]
    offsets.reserveCapacity(lengths.count + 1)
    var total: UInt32 = 0
    for length in lengths {
      total += length
      offsets.append(total)
    }
    longest = Int(lengths.max() ?? 0)

    var bytes = [UInt8](repeating: 0, count: Int(total))
    for (byte, id) in vocabulary.byteIDs.enumerated() { bytes[Int(offsets[Int(id)])] = UInt8(byte) }
    for extra in vocabulary.extras {
      let start = Int(offsets[Int(extra.id)])
      bytes.replaceSubrange(start..<start + extra.bytes.count, with: extra.bytes)
    }
    bytes.withUnsafeMutableBufferPointer { bytes in
      for merge in vocabulary.merges {
        var target = Int(offsets[Int(merge.id)])
        for part in [merge.left, merge.right] {
          for source in Int(offsets[Int(part)])..<Int(offsets[Int(part) + 1]) {
            bytes[target] = bytes[source]
            target += 1
          }
        }
      }
    }
    self.offsets = offsets
    self.bytes = bytes
  }

  /// Empty for an id that is no token.
  subscript(id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0, Int(id) < offsets.count - 1 else { return [] }
    return bytes[Int(offsets[Int(id)])..<Int(offsets[Int(id) + 1])]
  }

  func withBytes<Result>(of id: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    self[id].withUnsafeBufferPointer(body)
  }
}
