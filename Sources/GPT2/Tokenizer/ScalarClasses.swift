import CTokenizerData

/// What a Unicode scalar is to the pre-tokenizer, by the embedded table and so the same on every system.
struct ScalarClasses: Sendable {
  enum Class: UInt8 {
    case other = 0
    case letter = 1
    case number = 2
    case whitespace = 3
  }

  static let shared = ScalarClasses()

  /// One byte a scalar, up to the last that is in a class.
  private let table: [UInt8]

  private init() {
    var count = 0
    let ranges = UnsafeBufferPointer(start: ctokenizer_unicode_ranges(&count), count: count)
    let end = ranges.map { Int($0.first) + Int($0.count) }.max() ?? 0
    var table = [UInt8](repeating: 0, count: end)
    for range in ranges {
      let first = Int(range.first)
      for scalar in first..<first + Int(range.count) {
        table[scalar] = UInt8(truncatingIfNeeded: range.scalar_class)
      }
    }
    self.table = table
  }

  @inline(__always)
  subscript(scalar: UInt32) -> UInt8 {
    scalar < table.count ? table[Int(scalar)] : Class.other.rawValue
  }
}
