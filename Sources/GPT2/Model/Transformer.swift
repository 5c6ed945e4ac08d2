/// The forward pass over several sequences at once, with everything it needs allocated beforehand.
///
/// The residual stream x, layer norms, attention and logits are f32 in every quantization. A row's result
/// depends on its sequence alone, bit for bit: not on the other rows of the step, nor on how a prompt is cut
/// into steps, nor on the number of threads.
///
/// Not Sendable: one thread owns it.
package final class Transformer {
  /// Which positions of a segment get logits.
  package enum Logits: Sendable {
    case none, last, all
  }

  /// Consecutive tokens of one sequence.
  package struct Segment: Sendable {
    /// At least one.
    package var tokens: [Int32]
    /// The position of the first token. The pages hold everything before it already; what they hold at this position
    /// and after it is overwritten.
    package var position: Int
    /// The sequence's pages in the K/V memory, in order, for all positions up to the last token. The pages that the
    /// tokens go to belong to no other segment of the step.
    package var pages: [Int32]
    package var wantsLogits: Logits

    package init(tokens: [Int32], position: Int, pages: [Int32], wantsLogits: Logits = .last) {
      self.tokens = tokens
      self.position = position
      self.pages = pages
      self.wantsLogits = wantsLogits
    }
  }

  /// What a transformer is made for.
  package struct Measures: Sendable {
    /// Tokens in one step, over all segments.
    package var rows: Int
    /// Segments in one step.
    package var segments: Int
    /// Positions of one sequence; at most the model's.
    package var context: Int
    /// Pages of the K/V memory.
    package var pages: Int
    package var threads: Int
    /// f32 for an f32 model and f16 otherwise, unless it is given.
    package var cache: KVMemory.Precision?

    package init(
      rows: Int, segments: Int, context: Int, pages: Int, threads: Int, cache: KVMemory.Precision? = nil
    ) {
      self.rows = rows
      self.segments = segments
      self.context = context
      self.pages = pages
      self.threads = threads
      self.cache = cache
    }
  }

  package let model: Model
  package let measures: Measures
  package var kernelLevel: KernelLevel { kernels.level }
  /// Gets the activations as they are computed: for tests, and nil otherwise.
  package var observer: ((Activation, UnsafeBufferPointer<Float>) -> Void)?

  private let kernels: KernelContext
  private let memory: KVMemory
  private let spans: SpanTable
  private let x: AlignedFloats  // [R, E] the residual stream
  private let h: AlignedFloats  // [R, E] the heads' outputs
  private let qkv: AlignedFloats  // [R, 3E]
  private let inner: AlignedFloats  // [R, I]
  private let logits: AlignedFloats  // [rows with logits, V]
  private let ids: UnsafeMutablePointer<Int32>  // [R]
  private let positions: UnsafeMutablePointer<Int32>  // [R]
  /// Of each segment of the last step: its first row of logits, and how many it has.
  private var logitRows: [(first: Int, count: Int)] = []

  /// `level`: the best there is, or what `CK_LEVEL` names, unless it is given.
  package init(model: Model, _ measures: Measures, level: KernelLevel? = nil) throws(GPT2Error) {
    let config = model.config
    try Self.check("rows", measures.rows, from: 1, to: 1 << 20)
    try Self.check("segments", measures.segments, from: 1, to: 1 << 16)
    try Self.check("context", measures.context, from: 1, to: config.contextLength)
    try Self.check("pages", measures.pages, from: 1, to: Int(Int32.max))
    try Self.check("threads", measures.threads, from: 1, to: 1024)
    self.model = model
    self.measures = measures
    let level = if let level { level } else { try KernelLevel.selected() }
    kernels = try KernelContext(
      level: level, threads: measures.threads, maxRows: measures.rows,
      maxInputs: max(config.width, config.innerWidth))
    memory = try KVMemory(
      config: config, pageCount: measures.pages,
      precision: measures.cache ?? (model.quantization == .f32 ? .f32 : .f16))
    x = try AlignedFloats(rows: measures.rows, width: config.width)
    h = try AlignedFloats(rows: measures.rows, width: config.width)
    qkv = try AlignedFloats(rows: measures.rows, width: 3 * config.width)
    inner = try AlignedFloats(rows: measures.rows, width: config.innerWidth)
    logits = try AlignedFloats(rows: measures.rows, width: model.head.outputs(of: config))
    spans = SpanTable(
      capacity: measures.segments, pages: measures.segments * KVMemory.pages(for: measures.context))
    ids = .allocate(capacity: measures.rows)
    positions = .allocate(capacity: measures.rows)
    logitRows.reserveCapacity(measures.segments)
  }

  deinit {
    ids.deallocate()
    positions.deallocate()
  }

  /// Runs the segments' tokens and leaves the logits to `unsafeLogits` until the next step. Throws
  /// `invalidArgument`, with nothing done, for segments that do not fit.
  package func step(_ segments: [Segment]) throws(GPT2Error) {
    let count: Int
    do {
      count = try takeRows(segments)
    } catch {
      logitRows.removeAll(keepingCapacity: true)
      throw error
    }
    guard count > 0 else { return }
    let weights = model.weights
    let width = model.config.width
    kernels.embed(
      tokens: weights.tokens, positions: weights.positions, ids: ids, rowPositions: positions, count: count,
      into: x.rows)
    observe(.embedding, x, width, count)
    var rows = count
    for (layer, block) in weights.blocks.enumerated() {
      attend(block, layer, rows)
      // No row reads what the last layer makes of another one: those without logits end here.
      if layer == weights.blocks.count - 1 { rows = keepLogitRows(segments) }
      guard rows > 0 else { return }
      transform(block, layer, rows)
    }
    observe(.finalNorm, norm: weights.finalNorm, of: x, rows)
    kernels.linear(weights.head, norm: weights.finalNorm, x.rows, count: rows, .store, into: logits.rows)
  }

  /// Calls the body for every index below `count`, on all threads of the kernels at once: for work between two
  /// steps that would leave all threads but one idle.
  package func parallel(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
    kernels.parallel(count, body)
  }

  /// The logits of one row, valid until the next step: `row` counts the segment's rows that have logits, so it is 0 for
  /// `.last` and the token's index in the segment for `.all`. `outputs(of:)` of the model's head many; none if the
  /// last step has no such row.
  package func unsafeLogits(segment index: Int, row: Int = 0) -> UnsafeBufferPointer<Float> {
    guard logitRows.indices.contains(index), (0..<logitRows[index].count).contains(row) else {
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    let count = model.head.outputs(of: model.config)
    return UnsafeBufferPointer(start: logits.rows[logitRows[index].first + row], count: count)
  }

  /// The first half of a block: h = the heads' outputs for norm(x).
  private func attend(_ block: ModelWeights.Block, _ layer: Int, _ count: Int) {
    let config = model.config
    observe(.norm1(layer), norm: block.norm1, of: x, count)
    kernels.linear(block.attentionInput, norm: block.norm1, x.rows, count: count, .store, into: qkv.rows)
    observe(.qkv(layer), qkv, 3 * config.width, count)
    kernels.attend(
      memory, layer: layer, heads: config.heads, headWidth: config.headWidth, spans, qkv: qkv.rows,
      into: h.rows)
    observe(.attention(layer), h, config.width, count)
  }

  /// The second half: x += the projection of h, x += MLP(norm(x)).
  private func transform(_ block: ModelWeights.Block, _ layer: Int, _ count: Int) {
    let config = model.config
    kernels.linear(block.attentionOutput, h.rows, count: count, .add, into: x.rows)
    observe(.attentionResidual(layer), x, config.width, count)
    observe(.norm2(layer), norm: block.norm2, of: x, count)
    kernels.linear(
      block.mlpInput, norm: block.norm2, x.rows, count: count, .gelu(config.activation), into: inner.rows)
    observe(.mlpInner(layer), inner, config.innerWidth, count)
    kernels.linear(block.mlpOutput, inner.rows, count: count, .add, into: x.rows)
    observe(.mlpResidual(layer), x, config.width, count)
  }

  /// Checks the segments and lays their tokens out as rows; returns how many there are.
  private func takeRows(_ segments: [Segment]) throws(GPT2Error) -> Int {
    logitRows.removeAll(keepingCapacity: true)
    spans.removeAll()
    var row = 0
    var wanted = 0
    try Self.check("a step's segments", segments.count, from: 0, to: measures.segments)
    for segment in segments {
      let count = segment.tokens.count
      try Self.check("a segment's tokens", count, from: 1, to: measures.rows - row)
      try Self.check("position", segment.position, from: 0, to: measures.context - count)
      try Self.check(
        "a segment's pages", segment.pages.count, from: KVMemory.pages(for: segment.position + count),
        to: KVMemory.pages(for: measures.context))
      for page in segment.pages { try Self.check("page", Int(page), from: 0, to: measures.pages - 1) }
      for (index, token) in segment.tokens.enumerated() {
        try Self.check("token", Int(token), from: 0, to: model.config.vocabularySize - 1)
        ids[row + index] = token
        positions[row + index] = Int32(segment.position + index)
      }
      guard
        spans.append(
          firstRow: row, rows: count, position: segment.position, pages: segment.pages, of: memory)
      else { throw GPT2Error(.invalidArgument, "the segments of a step have too many pages") }
      row += count
      let rowsWithLogits =
        switch segment.wantsLogits {
        case .none: 0
        case .last: 1
        case .all: count
        }
      logitRows.append((wanted, rowsWithLogits))
      wanted += rowsWithLogits
    }
    return row
  }

  /// Moves the rows of x and h that get logits to the front; returns how many there are.
  private func keepLogitRows(_ segments: [Segment]) -> Int {
    var end = 0
    var kept = 0
    for (segment, rows) in zip(segments, logitRows) {
      end += segment.tokens.count
      for row in end - rows.count..<end {
        if kept < row {
          x.rows[kept].update(from: x.rows[row], count: x.rows.stride)
          h.rows[kept].update(from: h.rows[row], count: h.rows.stride)
        }
        kept += 1
      }
    }
    return kept
  }

  private static func check(_ name: String, _ value: Int, from low: Int, to high: Int) throws(GPT2Error) {
    guard low <= value, value <= high else {
      throw GPT2Error(.invalidArgument, "\(name) is \(value); allowed is \(low) to \(high)")
    }
  }
}

extension Transformer {
  /// The places in the forward pass that an observer sees, by layer.
  package enum Activation: Hashable, Sendable {
    case embedding
    /// The inputs of attention and MLP.
    case norm1(Int)
    case norm2(Int)
    /// q | k | v.
    case qkv(Int)
    /// The heads' outputs side by side, before the output projection.
    case attention(Int)
    /// The residual stream after attention and after the MLP.
    case attentionResidual(Int)
    case mlpResidual(Int)
    /// After the GELU.
    case mlpInner(Int)
    /// Of the rows with logits.
    case finalNorm
  }

  /// Hands the rows to the observer without their padding.
  private func observe(_ activation: Activation, _ floats: AlignedFloats, _ width: Int, _ count: Int) {
    guard let observer else { return }
    var values: [Float] = []
    for row in 0..<count {
      values += UnsafeBufferPointer(start: floats.rows[row], count: width)
    }
    values.withUnsafeBufferPointer { observer(activation, $0) }
  }

  /// The same for a layer norm, which the forward pass never stores.
  private func observe(_ activation: Activation, norm: NormWeights, of x: AlignedFloats, _ count: Int) {
    guard observer != nil, let normed = try? AlignedFloats(rows: count, width: model.config.width)
    else { return }
    kernels.normalize(norm, width: model.config.width, x.rows, count: count, into: normed.rows)
    observe(activation, normed, model.config.width, count)
  }
}
