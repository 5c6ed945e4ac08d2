/// GPT-2's order of the 256 bytes and the characters that stand for them in `vocab.json` and `merges.txt`.
///
/// Printable bytes come first and stand for themselves; the other 68 follow and are written as U+0100
/// onwards, so that a token never holds a space or a control character in those files.
enum ByteAlphabet {
  /// The bytes in the order of their GPT-2 ids.
  static let bytes: [UInt8] = printable + (UInt8.min...UInt8.max).filter { !printable.contains($0) }

  /// The GPT-2 id of every byte.
  static let ids: [Int32] = {
    var ids = [Int32](repeating: 0, count: 256)
    for (id, byte) in bytes.enumerated() { ids[Int(byte)] = Int32(id) }
    return ids
  }()

  private static let printable = [UInt8](0x21...0x7E) + [UInt8](0xA1...0xAC) + [UInt8](0xAE...0xFF)

  /// The byte that a character of the files stands for, nil if it is none of the 256.
  static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    let value = Int(scalar.value)
    if value < 0x100 {
      let byte = UInt8(value)
      return ids[value] < printable.count ? byte : nil
    }
    let index = value - 0x100 + printable.count
    return index < bytes.count ? bytes[index] : nil
  }

  /// The character that stands for a byte.
  static func scalar(of byte: UInt8) -> Unicode.Scalar {
    let id = Int(ids[Int(byte)])
    let value = id < printable.count ? UInt32(byte) : UInt32(0x100 + id - printable.count)
    return Unicode.Scalar(value) ?? "\u{FFFD}"
  }

  /// The bytes of a token as the files write it, nil if it holds a character that stands for no byte.
  static func bytes(of token: some StringProtocol) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard let byte = byte(of: scalar) else { return nil }
      result.append(byte)
    }
    return result
  }
}
