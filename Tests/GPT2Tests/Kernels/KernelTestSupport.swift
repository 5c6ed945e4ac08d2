import CKernels

/// Numbers from a seed, heavy-tailed like weights.
func kernelNumbers(_ count: Int, seed: UInt64, scale: Double = 0.1) -> [Float] {
  guard count > 0 else { return [] }
  return SyntheticModel.heavyTailed(seed: seed, label: "kernel", count: count).map { Float($0 * scale) }
}

/// Rows padded with zeros to a multiple of 64 floats, at an address that the kernels may use.
final class PaddedRows {
  let base: UnsafeMutablePointer<Float>
  let rows: Int
  let width: Int
  let stride: Int

  init(_ values: [Float], rows: Int, width: Int) {
    self.rows = rows
    self.width = width
    stride = ck_padded(width)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(1, rows) * stride * 4, alignment: 64)
    base = raw.bindMemory(to: Float.self, capacity: max(1, rows) * stride)
    base.initialize(repeating: 0, count: max(1, rows) * stride)
    for row in 0..<rows {
      for column in 0..<width { base[row * stride + column] = values[row * width + column] }
    }
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  func row(_ index: Int) -> [Float] {
    [Float](UnsafeBufferPointer(start: base + index * stride, count: width))
  }

  /// With the padding.
  var everything: [Float] { [Float](UnsafeBufferPointer(start: base, count: rows * stride)) }
}

/// A packed matrix that owns its memory.
final class TestMatrix {
  let weights: [Float]
  let inputs: Int
  let outputs: Int
  private(set) var matrix: ck_matrix
  let scales: PaddedRows
  private let packed: UnsafeMutableRawPointer
  private let sums: PaddedRows
  private let bias: PaddedRows

  init(_ format: ck_format, inputs: Int, outputs: Int, weights: [Float], hasBias: Bool = true) {
    self.weights = weights
    self.inputs = inputs
    self.outputs = outputs
    packed = .allocate(byteCount: ck_packed_bytes(format, inputs, outputs), alignment: 64)
    scales = PaddedRows([], rows: 0, width: outputs)
    sums = PaddedRows([], rows: 0, width: outputs)
    bias = PaddedRows(kernelNumbers(outputs, seed: 3), rows: 1, width: outputs)
    ck_pack(format, weights, inputs, outputs, packed, scales.base, sums.base)
    matrix = ck_matrix(
      format: format, inputs: inputs, outputs: outputs, weights: packed, scales: scales.base, sums: sums.base,
      bias: hasBias ? UnsafePointer(bias.base) : nil)
  }

  deinit { packed.deallocate() }

  var biasValues: [Float] { matrix.bias == nil ? [Float](repeating: 0, count: outputs) : bias.row(0) }

  /// The weights as stored, row n.
  func unpackedRow(_ row: Int) -> [Float] {
    var values = [Float](repeating: 0, count: inputs)
    withUnsafePointer(to: matrix) { ck_unpack_row($0, row, &values) }
    return values
  }
}

/// A row as a level's integers stand for it.
struct QuantizedRow: Equatable {
  var values: [Int16]
  var scale: Float = 0
  var zero: Int32 = 0

  init(_ level: ck_level, _ x: UnsafePointer<Float>, padded: Int) {
    values = [Int16](repeating: 0, count: padded)
    ck_test_quantize(level, x, padded, &values, &scale, &zero)
  }
}

/// A context of one level that ends with this object.
final class TestContext {
  let pointer: OpaquePointer

  init?(_ level: ck_level, threads: Int = 1, rows: Int = 64, inputs: Int = 4096) {
    guard let pointer = ck_context_create(level, threads, rows, inputs) else { return nil }
    self.pointer = pointer
  }

  deinit { ck_context_destroy(pointer) }

  func linear(
    _ matrix: TestMatrix, norm: ck_norm? = nil, _ x: PaddedRows, _ output: ck_output, into out: PaddedRows
  ) {
    withUnsafePointer(to: matrix.matrix) { matrix in
      guard var norm else {
        return ck_linear(pointer, matrix, nil, x.base, x.stride, x.rows, output, out.base, out.stride)
      }
      ck_linear(pointer, matrix, &norm, x.base, x.stride, x.rows, output, out.base, out.stride)
    }
  }
}

/// The levels that this machine can run.
let availableCodes: [ck_level] = [
  CK_LEVEL_SCALAR, CK_LEVEL_AVX2, CK_LEVEL_AVX512VNNI, CK_LEVEL_NEON,
]
.filter { ck_level_available($0) != 0 }
