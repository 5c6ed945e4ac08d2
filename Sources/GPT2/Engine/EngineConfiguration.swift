/// How much an engine does at once, and with what.
package struct EngineConfiguration: Sendable, Equatable {
  /// `THREADS`: threads that share the matrices of a step.
  package var threads = 1
  /// `MAX_BATCH`: sequences that run at the same time, if the KV cache has room for them.
  package var maxBatch = 32
  /// `MAX_CTX`: the longest sequence in tokens; a model with a shorter context sets its own.
  package var maxContext = 512
  /// `KV_CACHE_MB` as bytes: an upper bound of the KV cache.
  package var cacheBytes = 512 << 20
  /// Tokens computed in one step, over all sequences.
  package var rowsPerStep = 256
  /// Tokens of one prompt computed in one step.
  package var promptChunk = 128

  package init() {}

  /// How many sequences of this length the K/V cache has room for, at most `maxBatch` and at least one.
  package func sequences(of contextLength: Int, for model: Model) -> Int {
    let each = KVCache.bytes(
      config: model.config, slots: 1, context: contextLength, precision: cachePrecision(for: model))
    return max(1, min(maxBatch, cacheBytes / each))
  }

  /// Keys and values are rounded to 16 bits, except where the model is the f32 reference.
  func cachePrecision(for model: Model) -> KVCache.Precision {
    model.quantization == .f32 ? .f32 : .f16
  }

  package func validate() throws(GPT2Error) {
    let limits: [(name: String, value: Int, range: ClosedRange<Int>)] = [
      ("THREADS", threads, 1...256), ("MAX_BATCH", maxBatch, 1...1024), ("MAX_CTX", maxContext, 2...1 << 20),
      ("KV_CACHE_MB", cacheBytes >> 20, 1...1 << 20), ("rows per step", rowsPerStep, 1...1 << 16),
      ("prompt chunk", promptChunk, 1...1 << 16),
    ]
    for limit in limits where !limit.range.contains(limit.value) {
      throw GPT2Error(
        .invalidArgument,
        "\(limit.name) is \(limit.value); allowed is \(limit.range.lowerBound) to \(limit.range.upperBound)")
    }
  }
}
