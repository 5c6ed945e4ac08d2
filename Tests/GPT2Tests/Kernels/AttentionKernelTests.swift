import CKernels
import Glibc
import Testing

/// A sequence's q | k | v, and its pages in memory that is full of NaN at first.
private final class PagedSequence {
  var attention: ck_attention
  let count: Int
  let qkv: PaddedRows
  private let pages: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let pageCount: Int

  init(_ type: ck_cache_type, _ shape: AttentionKernelTests.Shape, _ qkv: PaddedRows) {
    attention = ck_attention(type: type, heads: shape.heads, head_width: shape.width, layer: 1)
    count = qkv.rows
    self.qkv = qkv
    pageCount = (count + Int(CK_PAGE_POSITIONS) - 1) / Int(CK_PAGE_POSITIONS)
    pages = .allocate(capacity: pageCount)
    let bytes = ck_page_bytes(type, 2, shape.heads, shape.width)
    for page in 0..<pageCount {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      memset(memory, 0xFF, bytes)
      (pages + page).initialize(to: memory)
    }
  }

  deinit {
    for page in 0..<pageCount { pages[page]?.deallocate() }
    pages.deallocate()
  }

  var modelWidth: Int { attention.heads * attention.head_width }

  /// A span at these positions, which are rows `firstRow...` of a step.
  func span(_ positions: Range<Int>, firstRow: Int) -> ck_span {
    let pages = UnsafeRawPointer(pages).assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    return ck_span(first_row: firstRow, rows: positions.count, position: positions.lowerBound, pages: pages)
  }
}

extension PaddedRows {
  fileprivate static func zeros(_ rows: Int, width: Int) -> PaddedRows {
    PaddedRows([Float](repeating: 0, count: rows * width), rows: rows, width: width)
  }

  /// With the padding.
  fileprivate func everything(_ rows: Range<Int>) -> [Float] {
    [Float](UnsafeBufferPointer(start: base + rows.lowerBound * stride, count: rows.count * stride))
  }
}

/// One step: some positions of each of these sequences. Returns each one's results.
private func attend(
  _ context: TestContext, _ parts: [(sequence: PagedSequence, positions: Range<Int>)]
) -> [PaddedRows] {
  guard let first = parts.first?.sequence else { return [] }
  let width = first.modelWidth
  let rows = parts.reduce(0) { $0 + $1.positions.count }
  let input = PaddedRows.zeros(rows, width: 3 * width)
  let output = PaddedRows.zeros(rows, width: width)
  for index in 0..<rows * output.stride { output.base[index] = 9 }
  var spans: [ck_span] = []
  var row = 0
  for part in parts {
    spans.append(part.sequence.span(part.positions, firstRow: row))
    let source = part.sequence.qkv.base + part.positions.lowerBound * input.stride
    (input.base + row * input.stride).update(from: source, count: part.positions.count * input.stride)
    row += part.positions.count
  }
  var attention = first.attention
  ck_attend(
    context.pointer, &attention, spans, spans.count, input.base, input.stride, output.base, output.stride)
  row = 0
  return parts.map { part in
    let result = PaddedRows.zeros(part.positions.count, width: width)
    result.base.update(from: output.base + row * output.stride, count: part.positions.count * output.stride)
    row += part.positions.count
    return result
  }
}

struct AttentionKernelTests {
  struct Shape: CustomTestStringConvertible, Sendable {
    var heads: Int
    var width: Int
    var testDescription: String { "\(heads) heads of \(width)" }
  }

  static let shapes = [
    Shape(heads: 1, width: 1), Shape(heads: 3, width: 3), Shape(heads: 2, width: 16),
    Shape(heads: 4, width: 20),
    Shape(heads: 2, width: 48), Shape(heads: 3, width: 64), Shape(heads: 1, width: 80),
    Shape(heads: 1, width: 128),
  ]
  static let types: [(ck_cache_type, tolerance: Double)] = [
    (CK_CACHE_F32, 2e-6), (CK_CACHE_F16, 4e-3), (CK_CACHE_I8, 4e-2),
  ]

  private static func inputs(_ shape: Shape, count: Int, seed: UInt64) -> PaddedRows {
    let width = 3 * shape.heads * shape.width
    return PaddedRows(
      kernelNumbers(count * width, seed: seed, scale: 0.05), rows: count, width: width)
  }

  /// Causal attention of all positions in doubles: the heads side by side.
  private static func oracle(_ qkv: PaddedRows, _ shape: Shape) -> [[Double]] {
    let rows = (0..<qkv.rows).map { qkv.row($0).map(Double.init) }
    let modelWidth = shape.heads * shape.width
    return rows.indices.map { row in
      var result = [Double](repeating: 0, count: modelWidth)
      for head in stride(from: 0, to: modelWidth, by: shape.width) {
        var scores = [Double](repeating: 0, count: row + 1)
        for position in 0...row {
          for d in head..<head + shape.width {
            scores[position] += rows[row][d] * rows[position][modelWidth + d]
          }
          scores[position] /= Double(shape.width).squareRoot()
        }
        let top = scores.max() ?? 0
        let weights = scores.map { exp($0 - top) }
        let total = weights.reduce(0, +)
        for position in 0...row {
          for d in head..<head + shape.width {
            result[d] += weights[position] / total * rows[position][2 * modelWidth + d]
          }
        }
      }
      return result
    }
  }

  @Test(arguments: shapes)
  func attentionAgreesWithDoublesAtEveryLevelAndPrecision(_ shape: Shape) throws {
    let qkv = Self.inputs(shape, count: 75, seed: 6)
    let expected = Self.oracle(qkv, shape)
    for level in availableCodes {
      let context = try #require(TestContext(level, threads: 2, rows: 256))
      for (type, tolerance) in Self.types {
        let out = attend(context, [(PagedSequence(type, shape, qkv), 0..<75)])[0]
        #expect(LinearKernelTests.paddingIsZero(out))
        var worst = 0.0
        for row in 0..<75 {
          for (result, value) in zip(out.row(row), expected[row]) {
            let error = abs(Double(result) - value) / max(1, abs(value))
            if !(error <= worst) { worst = error }
          }
        }
        #expect(worst <= tolerance)
      }
    }
  }

  @Test(arguments: [shapes[1], shapes[3], shapes[5], shapes[6]])
  func aPositionsBitsDependOnNothingElseInTheStep(_ shape: Shape) throws {
    var generator = SplitMix(seed: 77)
    let counts = [150, 40, 97]
    let inputs = counts.indices.map { Self.inputs(shape, count: counts[$0], seed: UInt64($0 + 1)) }
    for level in availableCodes {
      for (type, _) in Self.types {
        let alone = try #require(TestContext(level, rows: 256))
        let whole = inputs.map { attend(alone, [(PagedSequence(type, shape, $0), 0..<$0.rows)])[0] }
        for threads in 1...3 {
          let context = try #require(TestContext(level, threads: threads, rows: 512))
          let mixed = inputs.map { PagedSequence(type, shape, $0) }
          var positions = counts.map { _ in 0 }
          while let part = next(&positions, counts, &generator) {
            let parts = part.map { (sequence: mixed[$0.index], positions: $0.positions) }
            for (result, part) in zip(attend(context, parts), part) {
              #expect(result.everything == whole[part.index].everything(part.positions))
            }
          }
        }
      }
    }
  }

  /// Some of the sequences advance by one position, by a few or by many; nil when all are done.
  private func next(
    _ positions: inout [Int], _ counts: [Int], _ generator: inout SplitMix
  ) -> [(index: Int, positions: Range<Int>)]? {
    guard positions != counts else { return nil }
    var parts: [(index: Int, positions: Range<Int>)] = []
    while parts.isEmpty {
      for index in positions.indices where positions[index] < counts[index] && generator.next() % 3 > 0 {
        let most = [1, 5, 80][Int(generator.next() % 3)]
        let begin = positions[index]
        let end = min(counts[index], begin + 1 + Int(generator.next() % UInt64(most)))
        parts.append((index, begin..<end))
        positions[index] = end
      }
    }
    return parts
  }

  @Test func aBrokenRowOfATileBreaksNoOther() throws {
    for level in availableCodes {
      let context = try #require(TestContext(level))
      for (type, _) in Self.types {
        let shape = Shape(heads: 2, width: 64)
        let healthy = PagedSequence(type, shape, Self.inputs(shape, count: 12, seed: 3))
        let broken = PagedSequence(type, shape, Self.inputs(shape, count: 12, seed: 3))
        for column in 0..<broken.qkv.width { broken.qkv.base[7 * broken.qkv.stride + column] = .nan }
        let expected = attend(context, [(healthy, 0..<12)])[0]
        let result = attend(context, [(broken, 0..<12)])[0]
        for row in 0..<7 { #expect(result.row(row) == expected.row(row)) }
      }
    }
  }

  @Test func numbersBeyondHalfPrecisionBecomeTheGreatestOfIt() throws {
    for level in availableCodes {
      let context = try #require(TestContext(level))
      let shape = Shape(heads: 1, width: 16)
      let sequence = PagedSequence(CK_CACHE_F16, shape, Self.inputs(shape, count: 1, seed: 3))
      for column in 32..<48 { sequence.qkv.base[column] = column % 2 == 0 ? 1e6 : -1e30 }
      let values = attend(context, [(sequence, 0..<1)])[0].row(0)
      #expect(values == (0..<16).map { $0 % 2 == 0 ? 65504 : -65504 })
    }
  }

  @Test func pagesHoldWhatTheContractSays() {
    #expect(ck_page_bytes(CK_CACHE_F32, 12, 12, 64) == 12 * 12 * 2 * 16 * 64 * 4)
    #expect(ck_page_bytes(CK_CACHE_F16, 12, 12, 64) == 12 * 12 * 2 * 16 * 64 * 2)
    #expect(ck_page_bytes(CK_CACHE_I8, 12, 12, 64) == 12 * 12 * 2 * (16 * 64 + 64))
    // Keys [3][16] in 96 bytes, padded to 128; values [16][16].
    #expect(ck_page_bytes(CK_CACHE_F16, 1, 1, 3) == 128 + 512)
  }
}
