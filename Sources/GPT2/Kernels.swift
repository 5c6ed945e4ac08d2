import CKernels

/// The instruction sets that the kernels are written for. Results of different levels differ by float
/// rounding only.
package enum KernelLevel: String, CaseIterable, Sendable {
  case scalar, avx2, avx512vnni, neon

  var code: ck_level {
    switch self {
    case .scalar: CK_LEVEL_SCALAR
    case .avx2: CK_LEVEL_AVX2
    case .avx512vnni: CK_LEVEL_AVX512VNNI
    case .neon: CK_LEVEL_NEON
    }
  }

  /// Whether this machine can run it.
  package var isAvailable: Bool { ck_level_available(code) != 0 }

  /// The best level of this machine, or the one that the environment's `CK_LEVEL` names.
  package static func selected() throws(GPT2Error) -> KernelLevel {
    var level = CK_LEVEL_SCALAR
    var message = [CChar](repeating: 0, count: 200)
    guard ck_select_level(&level, &message, message.count) == 0 else {
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw GPT2Error(.invalidArgument, String(decoding: text, as: UTF8.self))
    }
    for candidate in allCases where candidate.code == level { return candidate }
    return .scalar
  }
}

/// The layout of activations and packed weights: counts are padded with zeros to a multiple of 64.
package enum KernelLayout {
  package static func padded(_ count: Int) -> Int { ck_padded(count) }

  /// The longest input of an 8-bit matrix whose sums cannot overflow.
  static let maxQuantizedInputs = Int(CK_Q8_MAX_INPUTS)

  static func allFinite(_ values: [Float]) -> Bool { ck_all_finite(values, values.count) != 0 }

  /// XXH64.
  package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    ck_checksum(bytes.baseAddress, bytes.count)
  }
}

/// What a linear layer's results go through on their way out.
enum LinearOutput {
  /// Replace the output.
  case store
  /// Are added to it: the residual stream.
  case add
  case gelu(GPT2Config.Activation)

  fileprivate var code: ck_output {
    switch self {
    case .store: CK_OUTPUT_STORE
    case .add: CK_OUTPUT_ADD
    case .gelu(.geluTanh): CK_OUTPUT_GELU_TANH
    case .gelu(.geluErf): CK_OUTPUT_GELU_ERF
    }
  }
}

/// A linear layer y = Wx + b in the kernels' layout: pointers into memory that its owner keeps.
struct PackedMatrix {
  enum Storage {
    case f32(UnsafeRawPointer)
    case int8(UnsafeRawPointer, scales: UnsafePointer<Float>, sums: UnsafePointer<Int32>)
  }

  fileprivate var matrix: ck_matrix

  init(inputs: Int, outputs: Int, storage: Storage, bias: UnsafePointer<Float>?) {
    switch storage {
    case .f32(let weights):
      matrix = ck_matrix(
        format: CK_FORMAT_F32, inputs: inputs, outputs: outputs, weights: weights, scales: nil, sums: nil,
        bias: bias)
    case .int8(let weights, let scales, let sums):
      matrix = ck_matrix(
        format: CK_FORMAT_Q8, inputs: inputs, outputs: outputs, weights: weights, scales: scales, sums: sums,
        bias: bias)
    }
  }

  var inputs: Int { matrix.inputs }
  var outputs: Int { matrix.outputs }

  /// The same weights without the bias, or with another one.
  func with(bias: UnsafePointer<Float>?) -> PackedMatrix {
    var copy = self
    copy.matrix.bias = bias
    return copy
  }

  /// Row `row` of W as floats.
  func unpackRow(_ row: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: inputs) { buffer, count in
      withUnsafePointer(to: matrix) { ck_unpack_row($0, row, buffer.baseAddress) }
      count = inputs
    }
  }

  static func packedBytes(_ quantization: Quantization, inputs: Int, outputs: Int) -> Int {
    ck_packed_bytes(quantization == .int8 ? CK_FORMAT_Q8 : CK_FORMAT_F32, inputs, outputs)
  }

  /// `weights` is `[outputs, inputs]`, row-major; `packed` has `packedBytes`.
  static func packF32(_ weights: [Float], inputs: Int, outputs: Int, into packed: UnsafeMutableRawPointer) {
    ck_pack_f32(weights, inputs, outputs, packed.assumingMemoryBound(to: Float.self))
  }

  /// `scales` and `sums` have room for the padded outputs.
  static func packInt8(
    _ weights: [Float], inputs: Int, outputs: Int, into packed: UnsafeMutableRawPointer,
    scales: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Int32>
  ) {
    ck_pack_q8(weights, inputs, outputs, packed.assumingMemoryBound(to: Int8.self), scales, sums)
  }
}

/// A layer norm's weights: pointers into memory that its owner keeps, padded to 64.
struct NormWeights {
  var weight: UnsafePointer<Float>
  var bias: UnsafePointer<Float>
  var epsilon: Float
}

/// Rows of floats, `stride` apart.
struct Rows {
  var base: UnsafeMutablePointer<Float>
  var stride: Int

  subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }
}

/// The spans of a step: consecutive rows that are consecutive positions of one sequence.
final class SpanTable {
  fileprivate let spans: UnsafeMutablePointer<ck_span>
  private let capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    spans = .allocate(capacity: capacity)
  }

  deinit { spans.deallocate() }

  func removeAll() { count = 0 }

  func append(firstRow: Int, rows: Int, position: Int) {
    guard count < capacity else { return }
    spans[count] = ck_span(first_row: firstRow, rows: rows, position: position, keys: nil, values: nil)
    count += 1
  }

  func setCache(_ index: Int, keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer) {
    spans[index].keys = keys
    spans[index].values = values
  }
}

/// A level, its threads and their scratch memory. One thread at a time uses it.
final class KernelContext {
  let level: KernelLevel
  private let context: OpaquePointer

  init(
    level: KernelLevel, threads: Int, maxRows: Int, maxInputs: Int, maxPositions: Int
  ) throws(GPT2Error) {
    guard level.isAvailable else {
      throw GPT2Error(.invalidArgument, "this machine can't run the kernels of level \(level.rawValue)")
    }
    guard let context = ck_context_create(level.code, threads, maxRows, maxInputs, maxPositions) else {
      throw GPT2Error(.unavailable, "no memory or no threads for the kernels (\(threads) threads)")
    }
    self.level = level
    self.context = context
  }

  deinit { ck_context_destroy(context) }

  func normalize(_ norm: NormWeights, width: Int, _ x: Rows, count: Int, into out: Rows) {
    var weights = ck_norm(weight: norm.weight, bias: norm.bias, epsilon: norm.epsilon)
    ck_normalize(context, &weights, width, x.base, x.stride, count, out.base, out.stride)
  }

  func linear(_ matrix: PackedMatrix, _ x: Rows, count: Int, _ output: LinearOutput, into out: Rows) {
    withUnsafePointer(to: matrix.matrix) {
      ck_linear(context, $0, x.base, x.stride, count, output.code, out.base, out.stride)
    }
  }

  func embed(
    tokens: PackedMatrix, positions: UnsafePointer<Float>, ids: UnsafePointer<Int32>,
    rowPositions: UnsafePointer<Int32>, count: Int, into out: Rows
  ) {
    withUnsafePointer(to: tokens.matrix) {
      ck_embed(context, $0, positions, ids, rowPositions, count, out.base, out.stride)
    }
  }

  func attend(_ cache: KVCache, heads: Int, headWidth: Int, _ spans: SpanTable, qkv: Rows, into out: Rows) {
    var attention = ck_attention(
      type: cache.precision == .f16 ? CK_CACHE_F16 : CK_CACHE_F32, heads: heads, head_width: headWidth,
      key_stride: cache.keysPerHead, value_stride: cache.valuesPerHead)
    ck_attend(
      context, &attention, spans.spans, spans.count, qkv.base, qkv.stride, out.base, out.stride)
  }
}
