import CKernels
import Foundation
import Testing

struct AttentionKernelTests {
  struct Shape: CustomTestStringConvertible, Sendable {
    var heads: Int
    var width: Int
    var testDescription: String { "\(heads) heads of \(width)" }
  }

  static let shapes = [
    Shape(heads: 1, width: 1), Shape(heads: 3, width: 5), Shape(heads: 3, width: 12),
    Shape(heads: 2, width: 16),
    Shape(heads: 4, width: 25), Shape(heads: 2, width: 64), Shape(heads: 1, width: 80),
  ]

  /// A cache of one layer.
  final class Cache {
    let keys: UnsafeMutableRawPointer
    let values: UnsafeMutableRawPointer
    var attention: ck_attention

    init(_ type: ck_cache_type, _ shape: Shape, context: Int) {
      let positions = (context + 15) / 16 * 16
      let valueWidth = (shape.width + 15) / 16 * 16
      attention = ck_attention(
        type: type, heads: shape.heads, head_width: shape.width, key_stride: positions * shape.width,
        value_stride: positions * valueWidth)
      let size = shape.heads * positions * valueWidth * 4
      keys = .allocate(byteCount: size, alignment: 64)
      values = .allocate(byteCount: size, alignment: 64)
      // What another sequence may have left there.
      memset(keys, 0x3B, size)
      memset(values, 0x3B, size)
    }

    deinit {
      keys.deallocate()
      values.deallocate()
    }
  }

  /// Causal attention of every row of q | k | v in doubles.
  static func oracle(_ qkv: [[Float]], _ shape: Shape) -> [[Double]] {
    let e = shape.heads * shape.width
    return qkv.indices.map { row in
      (0..<e).map { column in
        let head = column / shape.width
        let scores = (0...row).map { t in
          (0..<shape.width).reduce(0.0) { sum, d in
            let at = head * shape.width + d
            return sum + Double(qkv[row][at]) * Double(qkv[t][e + at])
          } / Double(shape.width).squareRoot()
        }
        let top = scores.max() ?? 0
        let weights = scores.map { exp($0 - top) }
        let total = weights.reduce(0, +)
        return zip(weights, 0...row).reduce(0.0) { $0 + $1.0 * Double(qkv[$1.1][2 * e + column]) } / total
      }
    }
  }

  static func attend(
    _ context: TestContext, _ cache: Cache, _ rows: [[Float]], position: Int, width: Int
  ) -> PaddedRows {
    let qkv = PaddedRows(rows.flatMap { $0 }, rows: rows.count, width: 3 * width)
    let out = PaddedRows([Float](repeating: 9, count: rows.count * width), rows: rows.count, width: width)
    var span = ck_span(
      first_row: 0, rows: rows.count, position: position, keys: cache.keys, values: cache.values)
    ck_attend(context.pointer, &cache.attention, &span, 1, qkv.base, qkv.stride, out.base, out.stride)
    return out
  }

  @Test(arguments: shapes)
  func attentionAgreesWithDoublesAtEveryLevelAndPrecision(_ shape: Shape) throws {
    let e = shape.heads * shape.width
    let count = 21
    let numbers = kernelNumbers(count * 3 * e, seed: 6, scale: 0.05)
    let rows = (0..<count).map { Array(numbers[$0 * 3 * e..<($0 + 1) * 3 * e]) }
    let expected = Self.oracle(rows, shape)
    for level in availableCodes {
      let context = try #require(TestContext(level, threads: 2))
      for (type, tolerance) in [(CK_CACHE_F32, 2e-6), (CK_CACHE_F16, 4e-3)] {
        let cache = Cache(type, shape, context: count)
        let out = Self.attend(context, cache, rows, position: 0, width: e)
        #expect(LinearKernelTests.paddingIsZero(out))
        for row in 0..<count {
          for (result, value) in zip(out.row(row), expected[row]) {
            #expect(abs(Double(result) - value) <= tolerance * max(1, abs(value)))
          }
        }
      }
    }
  }

  @Test(arguments: shapes)
  func rowsInPiecesGiveWhatRowsAtOnceGive(_ shape: Shape) throws {
    let e = shape.heads * shape.width
    let numbers = kernelNumbers(40 * 3 * e, seed: 8, scale: 0.05)
    let rows = (0..<40).map { Array(numbers[$0 * 3 * e..<($0 + 1) * 3 * e]) }
    for level in availableCodes {
      for type in [CK_CACHE_F32, CK_CACHE_F16] {
        let context = try #require(TestContext(level))
        let whole = Self.attend(context, Cache(type, shape, context: 40), rows, position: 0, width: e)
        let cache = Cache(type, shape, context: 40)
        var position = 0
        for size in [1, 7, 16, 1, 15] {
          let out = Self.attend(
            context, cache, Array(rows[position..<position + size]), position: position, width: e)
          for row in 0..<size { #expect(out.row(row) == whole.row(position + row)) }
          position += size
        }
      }
    }
  }
}
