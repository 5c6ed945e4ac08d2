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
  fileprivate var matrix: ck_matrix

  /// `scales` and `sums` belong to the quantized formats; f32 has none.
  init(
    _ quantization: Quantization, inputs: Int, outputs: Int, weights: UnsafeRawPointer,
    scales: UnsafePointer<Float>?, sums: UnsafePointer<Float>?, bias: UnsafePointer<Float>?
  ) {
    matrix = ck_matrix(
      format: quantization.format, inputs: inputs, outputs: outputs, weights: weights, scales: scales,
      sums: sums, bias: bias)
  }

  var inputs: Int { matrix.inputs }
  var outputs: Int { matrix.outputs }
  /// `[outputs]`.
  var bias: UnsafePointer<Float>? { matrix.bias }

  /// Row `row` of W as floats.
  func unpackRow(_ row: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: inputs) { buffer, count in
      withUnsafePointer(to: matrix) { ck_unpack_row($0, row, buffer.baseAddress) }
      count = inputs
    }
  }

  static func packedBytes(_ quantization: Quantization, inputs: Int, outputs: Int) -> Int {
    ck_packed_bytes(quantization.format, inputs, outputs)
  }

  /// `weights` is `[outputs, inputs]`, row-major; `packed` has `packedBytes`; `scales` and `sums` have room for the
  /// padded outputs and are not touched for f32.
  static func pack(
    _ weights: [Float], as quantization: Quantization, inputs: Int, outputs: Int,
    into packed: UnsafeMutableRawPointer, scales: UnsafeMutablePointer<Float>?,
    sums: UnsafeMutablePointer<Float>?
  ) {
    ck_pack(quantization.format, weights, inputs, outputs, packed, scales, sums)
  }
}

extension Quantization {
  fileprivate var format: ck_format {
    switch self {
    case .int8: CK_FORMAT_Q8
    case .int4: CK_FORMAT_Q4
    case .f32: CK_FORMAT_F32
    }
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

/// The spans of a step: consecutive rows that are consecutive positions of one sequence, and the pages that hold
/// its keys and values.
final class SpanTable {
  fileprivate let spans: UnsafeMutablePointer<ck_span>
  private let pages: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let capacity: Int
  private let pageCapacity: Int
  private(set) var count = 0
  private var pageCount = 0

  init(capacity: Int, pages pageCapacity: Int) {
    self.capacity = capacity
    self.pageCapacity = pageCapacity
    spans = .allocate(capacity: capacity)
    pages = .allocate(capacity: pageCapacity)
  }

  deinit {
    spans.deallocate()
    pages.deallocate()
  }

  func removeAll() {
    count = 0
    pageCount = 0
  }

  /// False if there is no room.
  func append(firstRow: Int, rows: Int, position: Int, pages sequence: [Int32], of memory: KVMemory) -> Bool {
    guard count < capacity, pageCount + sequence.count <= pageCapacity else { return false }
    let first = pages + pageCount
    for (index, page) in sequence.enumerated() { first[index] = memory.page(page) }
    spans[count] = ck_span(first_row: firstRow, rows: rows, position: position, pages: first)
    count += 1
    pageCount += sequence.count
    return true
  }
}

extension KVMemory {
  /// Positions of one page.
  package static let pagePositions = Int(CK_PAGE_POSITIONS)

  /// The bytes of one page.
  package static func pageBytes(config: GPT2Config, precision: Precision) -> Int {
    ck_page_bytes(precision.code, config.layers, config.heads, config.headWidth)
  }
}

extension KVMemory.Precision {
  fileprivate var code: ck_cache_type {
    switch self {
    case .f32: CK_CACHE_F32
    case .f16: CK_CACHE_F16
    case .int8: CK_CACHE_I8
    }
  }
}

/// A level, its threads and their scratch memory. One thread at a time uses it.
final class KernelContext {
  let level: KernelLevel
  private let context: OpaquePointer

  init(level: KernelLevel, threads: Int, maxRows: Int, maxInputs: Int) throws(GPT2Error) {
    guard level.isAvailable else {
      throw GPT2Error(.invalidArgument, "this machine can't run the kernels of level \(level.rawValue)")
    }
    guard let context = ck_context_create(level.code, threads, maxRows, maxInputs) else {
      throw GPT2Error(.unavailable, "no memory or no threads for the kernels (\(threads) threads)")
    }
    self.level = level
    self.context = context
  }

  deinit { ck_context_destroy(context) }

  func normalize(_ norm: NormWeights, width: Int, _ x: Rows, count: Int, into out: Rows) {
    var weights = norm.weights
    ck_normalize(context, &weights, width, x.base, x.stride, count, out.base, out.stride)
  }

  /// `norm`: of the input, before the matrix.
  func linear(
    _ matrix: PackedMatrix, norm: NormWeights? = nil, _ x: Rows, count: Int, _ output: LinearOutput,
    into out: Rows
  ) {
    var weights = norm?.weights ?? ck_norm()
    withUnsafePointer(to: matrix.matrix) { matrix in
      withUnsafePointer(to: &weights) { weights in
        ck_linear(
          context, matrix, norm == nil ? nil : weights, x.base, x.stride, count, output.code, out.base,
          out.stride)
      }
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

  func attend(
    _ memory: KVMemory, layer: Int, heads: Int, headWidth: Int, _ spans: SpanTable, qkv: Rows, into out: Rows
  ) {
    var attention = ck_attention(
      type: memory.precision.code, heads: heads, head_width: headWidth, layer: layer)
    ck_attend(context, &attention, spans.spans, spans.count, qkv.base, qkv.stride, out.base, out.stride)
  }

  /// Calls the body for every index below `count`, on all threads of the context at once, and returns when all are
  /// done. The body must bear that; `thread` is below the number of threads.
  func parallel(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var job = ParallelJob(body: body)
      withUnsafeMutablePointer(to: &job) { job in
        ck_pool_run(
          ck_context_pool(context), count, 1,
          { job, begin, end, thread in
            guard let job = job?.assumingMemoryBound(to: ParallelJob.self) else { return }
            for index in begin..<end { job.pointee.body(index, thread) }
          }, job)
      }
    }
  }

  private struct ParallelJob {
    let body: (Int, Int) -> Void
  }
}

extension NormWeights {
  fileprivate var weights: ck_norm { ck_norm(weight: weight, bias: bias, epsilon: epsilon) }
}

// MARK: - Sampling

extension KernelLevel {
  /// The lowest index among those of the greatest value. There must be one.
  func argmax(_ values: UnsafeBufferPointer<Float>) -> Int {
    ck_argmax(code, values.baseAddress, values.count)
  }

  /// `e^((value - greatest) · scale)`, between 0 and 1; `weights` has room for as many.
  func weights(
    _ values: UnsafeBufferPointer<Float>, scale: Float, into weights: UnsafeMutableBufferPointer<Float>
  ) {
    ck_weights(code, values.baseAddress, values.count, scale, weights.baseAddress)
  }
}

/// The sum and the greatest of each 64 weights.
struct WeightSummaries {
  static let blockSize = Int(CK_BLOCK)

  private let weights: UnsafeBufferPointer<Float>
  private let blocks: [ck_block]

  init(_ weights: UnsafeBufferPointer<Float>) {
    self.weights = weights
    let count = (weights.count + Self.blockSize - 1) / Self.blockSize
    blocks = [ck_block](unsafeUninitializedCapacity: count) { blocks, initialized in
      ck_blocks(weights.baseAddress, weights.count, blocks.baseAddress)
      initialized = count
    }
  }

  var count: Int { blocks.count }
  func mass(of block: Int) -> Double { Double(blocks[block].mass) }
  func greatest(of block: Int) -> Float { blocks[block].greatest }

  /// The sum of the weights in these blocks that are at least `limit`.
  func mass(from limit: Float, in range: Range<Int>) -> Double {
    ck_mass(weights.baseAddress, weights.count, blocks, range.lowerBound, range.upperBound, limit)
  }

  /// How many weights in these blocks are at least `limit`.
  func count(from limit: Float, in range: Range<Int>) -> Int {
    ck_count(weights.baseAddress, weights.count, blocks, range.lowerBound, range.upperBound, limit)
  }
}
