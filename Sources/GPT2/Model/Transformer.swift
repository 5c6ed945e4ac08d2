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
    /// The sequence's place in the K/V cache, `0..<maxSequences`; at most one segment of a step uses it.
    package var slot: Int
    /// At least one.
    package var tokens: [Int32]
    /// The position of the first token; everything before it is in the cache already. A position before the
    /// end of what the slot holds goes back there, and 0 begins a new sequence.
    package var position: Int
    package var wantsLogits: Logits

    package init(slot: Int, tokens: [Int32], position: Int, wantsLogits: Logits = .last) {
      self.slot = slot
      self.tokens = tokens
      self.position = position
      self.wantsLogits = wantsLogits
    }
  }

  package let model: Model
  package let maxRows: Int
  package let maxSequences: Int
  package let maxContext: Int
  package var kernelLevel: KernelLevel { kernels.level }
  /// Gets the activations as they are computed: for tests, and nil otherwise.
  package var observer: ((Activation, UnsafeBufferPointer<Float>) -> Void)?

  private let kernels: KernelContext
  private let cache: KVCache
  private let spans: SpanTable
  private let x: AlignedFloats  // [R, E] the residual stream
  private let h: AlignedFloats  // [R, E] normed, or the heads' outputs
  private let qkv: AlignedFloats  // [R, 3E]
  private let inner: AlignedFloats  // [R, I]
  private var logits: AlignedFloats  // [rows with logits, V]
  private let ids: UnsafeMutablePointer<Int32>  // [R]
  private let positions: UnsafeMutablePointer<Int32>  // [R]
  private let slots: UnsafeMutablePointer<Int>  // [spans]
  private let slotIsTaken: UnsafeMutablePointer<Bool>  // [maxSequences]
  /// Positions of each slot that its present sequence has filled: what lies beyond is somebody else's.
  private let filled: UnsafeMutablePointer<Int>  // [maxSequences]
  /// Of each segment of the last step: its first row of logits, and how many it has.
  private var logitRows: [(first: Int, count: Int)] = []

  /// `maxRows`: tokens in one step, over all segments. `maxContext`: at most the model's. The K/V cache is
  /// f32 for an f32 model and f16 otherwise, unless `cache` says it.
  package init(
    model: Model, maxRows: Int, maxSequences: Int, maxContext: Int, threads: Int,
    level: KernelLevel? = nil, cache precision: KVCache.Precision? = nil
  ) throws(GPT2Error) {
    let config = model.config
    try Self.check("maxRows", maxRows, from: 1, to: 1 << 20)
    try Self.check("maxSequences", maxSequences, from: 1, to: 1 << 16)
    try Self.check("maxContext", maxContext, from: 1, to: config.contextLength)
    try Self.check("threads", threads, from: 1, to: 1024)
    self.model = model
    self.maxRows = maxRows
    self.maxSequences = maxSequences
    self.maxContext = maxContext
    let level = if let level { level } else { try KernelLevel.selected() }
    kernels = try KernelContext(
      level: level, threads: threads, maxRows: maxRows,
      maxInputs: max(config.width, config.innerWidth), maxPositions: maxContext)
    cache = try KVCache(
      config: config, slots: maxSequences, context: maxContext,
      precision: precision ?? (model.quantization == .f32 ? .f32 : .f16))
    x = try AlignedFloats(rows: maxRows, width: config.width)
    h = try AlignedFloats(rows: maxRows, width: config.width)
    qkv = try AlignedFloats(rows: maxRows, width: 3 * config.width)
    inner = try AlignedFloats(rows: maxRows, width: config.innerWidth)
    logits = try AlignedFloats(
      rows: min(maxRows, maxSequences), width: model.head.outputs(of: config))
    spans = SpanTable(capacity: maxSequences)
    ids = .allocate(capacity: maxRows)
    positions = .allocate(capacity: maxRows)
    slots = .allocate(capacity: maxSequences)
    slotIsTaken = .allocate(capacity: maxSequences)
    filled = .allocate(capacity: maxSequences)
    filled.initialize(repeating: 0, count: maxSequences)
    logitRows.reserveCapacity(maxSequences)
  }

  deinit {
    ids.deallocate()
    positions.deallocate()
    slots.deallocate()
    slotIsTaken.deallocate()
    filled.deallocate()
  }

  /// The most memory that the K/V cache can take.
  package var cacheBytes: Int {
    KVCache.bytes(
      config: model.config, slots: maxSequences, context: maxContext, precision: cache.precision)
  }

  /// Gives the memory of a finished sequence back to the system. Never needed: a slot's next sequence
  /// overwrites it.
  package func discard(slot: Int) {
    guard (0..<maxSequences).contains(slot) else { return }
    cache.discard(slot: slot)
    filled[slot] = 0
  }

  /// Runs the segments' tokens and leaves the logits to `withLogits` until the next step. Throws
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
    for layer in weights.blocks.indices { run(weights.blocks[layer], layer, count) }
    let wanted = gatherLogitRows(segments)
    guard wanted > 0 else { return }
    kernels.normalize(weights.finalNorm, width: width, h.rows, count: wanted, into: h.rows)
    observe(.finalNorm, h, width, wanted)
    kernels.linear(weights.head, h.rows, count: wanted, .store, into: logits.rows)
  }

  /// The logits of one row: `row` counts the segment's rows that have logits, so it is 0 for `.last` and the
  /// token's index in the segment for `.all`. `outputs(of:)` of the model's head many; none if the last step
  /// has no such row.
  package func withLogits<Result, Failure: Error>(
    segment index: Int, row: Int = 0,
    _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard logitRows.indices.contains(index), (0..<logitRows[index].count).contains(row) else {
      return try body(UnsafeBufferPointer(start: nil, count: 0))
    }
    let count = model.head.outputs(of: model.config)
    return try body(UnsafeBufferPointer(start: logits.rows[logitRows[index].first + row], count: count))
  }

  /// One block: x += attention(norm(x)), x += MLP(norm(x)).
  private func run(_ block: ModelWeights.Block, _ layer: Int, _ count: Int) {
    let config = model.config
    let width = config.width
    kernels.normalize(block.norm1, width: width, x.rows, count: count, into: h.rows)
    observe(.norm1(layer), h, width, count)
    kernels.linear(block.attentionInput, h.rows, count: count, .store, into: qkv.rows)
    observe(.qkv(layer), qkv, 3 * width, count)
    for index in 0..<spans.count {
      spans.setCache(
        index, keys: cache.keys(slot: slots[index], layer: layer),
        values: cache.values(slot: slots[index], layer: layer))
    }
    kernels.attend(
      cache, heads: config.heads, headWidth: config.headWidth, spans, qkv: qkv.rows, into: h.rows)
    observe(.attention(layer), h, width, count)
    kernels.linear(block.attentionOutput, h.rows, count: count, .add, into: x.rows)
    observe(.attentionResidual(layer), x, width, count)
    kernels.normalize(block.norm2, width: width, x.rows, count: count, into: h.rows)
    observe(.norm2(layer), h, width, count)
    kernels.linear(block.mlpInput, h.rows, count: count, .gelu(config.activation), into: inner.rows)
    observe(.mlpInner(layer), inner, config.innerWidth, count)
    kernels.linear(block.mlpOutput, inner.rows, count: count, .add, into: x.rows)
    observe(.mlpResidual(layer), x, width, count)
  }

  /// Checks the segments and lays their tokens out as rows; returns how many there are.
  private func takeRows(_ segments: [Segment]) throws(GPT2Error) -> Int {
    logitRows.removeAll(keepingCapacity: true)
    spans.removeAll()
    var row = 0
    var wanted = 0
    slotIsTaken.update(repeating: false, count: maxSequences)
    for segment in segments {
      try Self.check("slot", segment.slot, from: 0, to: maxSequences - 1)
      guard !slotIsTaken[segment.slot] else {
        throw GPT2Error(.invalidArgument, "two segments of a step use slot \(segment.slot)")
      }
      slotIsTaken[segment.slot] = true
      try Self.check("a segment's tokens", segment.tokens.count, from: 1, to: maxRows - row)
      let last = min(filled[segment.slot], maxContext - segment.tokens.count)
      try Self.check("position", segment.position, from: 0, to: last)
      slots[spans.count] = segment.slot
      spans.append(firstRow: row, rows: segment.tokens.count, position: segment.position)
      for (index, token) in segment.tokens.enumerated() {
        try Self.check("token", Int(token), from: 0, to: model.config.vocabularySize - 1)
        ids[row] = token
        positions[row] = Int32(segment.position + index)
        row += 1
      }
      let count =
        switch segment.wantsLogits {
        case .none: 0
        case .last: 1
        case .all: segment.tokens.count
        }
      logitRows.append((wanted, count))
      wanted += count
    }
    if wanted > logits.count {
      logits = try AlignedFloats(rows: wanted, width: model.head.outputs(of: model.config))
    }
    for segment in segments { filled[segment.slot] = segment.position + segment.tokens.count }
    return row
  }

  /// Copies the rows of x that get logits to the front of h; returns how many there are.
  private func gatherLogitRows(_ segments: [Segment]) -> Int {
    var end = 0
    var wanted = 0
    for (segment, rows) in zip(segments, logitRows) {
      end += segment.tokens.count
      for row in end - rows.count..<end {
        h.rows[wanted].update(from: x.rows[row], count: x.rows.stride)
        wanted += 1
      }
    }
    return wanted
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
}
