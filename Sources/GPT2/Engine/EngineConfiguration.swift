/// How much an engine does at once, and with what.
package struct EngineConfiguration: Sendable, Equatable {
  /// `THREADS`: threads that share the work of a step.
  package var threads = 1
  /// `MAX_BATCH`: sequences that run at the same time, if the K/V cache has room for them.
  package var maxBatch = 32
  /// `MAX_CTX`: the longest sequence in tokens; a model with a shorter context sets its own.
  package var maxContext = 512
  /// `KV_CACHE_MB` as bytes: an upper bound of the K/V cache, but for the room that one sequence needs.
  package var cacheBytes = 512 << 20
  /// `KV_CACHE_TYPE`; nil: f32 for the f32 reference and f16 for quantized models.
  package var cachePrecision: KVMemory.Precision?
  /// `SPECULATE`: propose tokens from the text itself and verify them along. The tokens are the same either way.
  package var speculates = true
  /// Compute the common beginning of several texts once.
  package var sharesPrefixes = true
  /// Tokens computed in one step, over all sequences.
  package var rowsPerStep = 256
  /// Tokens of all prompts computed in one step.
  package var promptChunk = 128
  /// Rows of a step up to which proposed tokens are verified along: more cost more time than they save.
  package var speculativeRows = 8

  package init() {}

  /// How the scheduler of a model with sequences of this length is limited.
  func limits(contextLength: Int, model: Model) -> BatchScheduler.Limits {
    let each = KVMemory.pages(for: contextLength)
    let pageBytes = KVMemory.pageBytes(config: model.config, precision: cachePrecision(for: model))
    // Texts that nobody uses any more are worth keeping, but not without end: each page has some bookkeeping.
    let useful = 4 * maxBatch * each
    return BatchScheduler.Limits(
      sequences: maxBatch, rowsPerStep: rowsPerStep, promptChunk: promptChunk,
      pages: max(each, min(useful, cacheBytes / pageBytes)),
      speculativeRows: speculates ? speculativeRows : 0, sharesPrefixes: sharesPrefixes)
  }

  func cachePrecision(for model: Model) -> KVMemory.Precision {
    cachePrecision ?? (model.quantization == .f32 ? .f32 : .f16)
  }

  package func validate() throws(GPT2Error) {
    let limits: [(name: String, value: Int, range: ClosedRange<Int>)] = [
      ("THREADS", threads, 1...256), ("MAX_BATCH", maxBatch, 1...1024), ("MAX_CTX", maxContext, 2...1 << 20),
      ("bytes of the K/V cache", cacheBytes, 1...1 << 40), ("rows per step", rowsPerStep, 1...1 << 16),
      ("prompt chunk", promptChunk, 1...1 << 16), ("speculative rows", speculativeRows, 0...64),
    ]
    for limit in limits where !limit.range.contains(limit.value) {
      throw GPT2Error(
        .invalidArgument,
        "\(limit.name) is \(limit.value); allowed is \(limit.range.lowerBound) to \(limit.range.upperBound)")
    }
  }
}
