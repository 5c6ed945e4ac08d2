/// Cuts UTF-8 text into the pieces within which merges happen, as GPT-2's pattern does:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// Works on Unicode scalars, never on characters: `\r\n` is two, and a combining mark is neither letter nor
/// number.
package struct PreTokenizer {
  private let text: UnsafeBufferPointer<UInt8>
  private let classes: ScalarClasses
  private var position = 0

  /// The text must be valid UTF-8 and outlive the scanner.
  package init(_ text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    classes = .shared
  }

  /// The next piece as a range of bytes; nil at the end. The pieces join without gaps.
  @inline(__always)
  package mutating func next() -> Range<Int>? {
    let start = position
    guard start < text.count else { return nil }
    position = end(ofPieceAt: start)
    return start..<position
  }

  @inline(__always)
  private func end(ofPieceAt start: Int) -> Int {
    let first = text[start]
    if first == UInt8(ascii: "'"), let end = end(ofContractionAt: start) { return end }
    if first == UInt8(ascii: " "), start + 1 < text.count {
      let next = scalar(at: start + 1)
      if next.kind != ScalarClasses.Class.whitespace.rawValue {
        return end(ofRunOf: next.kind, from: start + 1 + next.length)
      }
    }
    let scalar = scalar(at: start)
    if scalar.kind == ScalarClasses.Class.whitespace.rawValue {
      return end(ofSpaceAt: start, length: scalar.length)
    }
    return end(ofRunOf: scalar.kind, from: start + scalar.length)
  }

  private func end(ofContractionAt start: Int) -> Int? {
    guard start + 1 < text.count else { return nil }
    let second = text[start + 1]
    switch second {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    default: break
    }
    guard start + 2 < text.count else { return nil }
    switch (second, text[start + 2]) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }

  /// White space before more text leaves its last scalar to the next piece, unless it has only one.
  private func end(ofSpaceAt start: Int, length: Int) -> Int {
    var last = start
    var end = start + length
    while end < text.count {
      let scalar = scalar(at: end)
      guard scalar.kind == ScalarClasses.Class.whitespace.rawValue else {
        return last > start ? last : end
      }
      last = end
      end += scalar.length
    }
    return text.count
  }

  @inline(__always)
  private func end(ofRunOf kind: UInt8, from start: Int) -> Int {
    var end = start
    while end < text.count {
      let scalar = scalar(at: end)
      guard scalar.kind == kind else { break }
      end += scalar.length
    }
    return min(end, text.count)
  }

  /// The class and the length in bytes of the scalar that begins here.
  @inline(__always)
  private func scalar(at index: Int) -> (kind: UInt8, length: Int) {
    let first = UInt32(text[index])
    if first < 0x80 { return (classes[first], 1) }
    if first < 0xE0 { return (classes[(first & 0x1F) << 6 | continuation(at: index + 1)], 2) }
    let high = (first & 0x0F) << 12 | continuation(at: index + 1) << 6
    if first < 0xF0 { return (classes[high | continuation(at: index + 2)], 3) }
    let scalar = high << 6 | continuation(at: index + 2) << 6 | continuation(at: index + 3)
    return (classes[scalar], 4)
  }

  /// Zero behind the end, so that not even text that breaks the contract is read past it.
  @inline(__always)
  private func continuation(at index: Int) -> UInt32 {
    index < text.count ? UInt32(text[index] & 0x3F) : 0
  }
}
