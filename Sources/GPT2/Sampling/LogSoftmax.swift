import Glibc

/// The logarithms of the probabilities that logits stand for.
struct LogSoftmax {
  private let logits: UnsafeBufferPointer<Float>
  private let greatest: Double
  private let logSum: Double

  /// - Parameters:
  ///   - logits: `[V]`, at least one; they must outlive this.
  ///   - scratch: at least `[V]`; free again when this returns.
  init(_ logits: UnsafeBufferPointer<Float>, level: KernelLevel, scratch: UnsafeMutableBufferPointer<Float>) {
    self.logits = logits
    let weights = UnsafeMutableBufferPointer(rebasing: scratch[..<logits.count])
    level.weights(logits, scale: 1, into: weights)
    let blocks = WeightBlocks(UnsafeBufferPointer(weights))
    greatest = Double(logits[level.argmax(logits)])
    logSum = log(blocks.indices.reduce(0) { $0 + blocks.mass(of: $1) })
  }

  func logprob(of id: Int) -> Float { logprob(ofLogit: logits[id]) }

  /// The most likely of the ids below `end`, the most likely first and the lower id first among equals.
  func top(_ count: Int, below end: Int) -> [TokenLogprobs.Candidate] {
    var top: [(id: Int, logit: Float)] = []
    guard count > 0 else { return [] }
    top.reserveCapacity(count + 1)
    // What is no greater than the last of a full list takes no place in it: that is nearly every one.
    var least = -Float.infinity
    for id in 0..<min(end, logits.count) {
      let logit = logits[id]
      guard logit > least || (top.count < count && !logit.isNaN) else { continue }
      var place = top.count
      while place > 0, top[place - 1].logit < logit { place -= 1 }
      top.insert((id, logit), at: place)
      if top.count > count { top.removeLast() }
      if top.count == count { least = top[count - 1].logit }
    }
    return top.map { TokenLogprobs.Candidate(id: Int32($0.id), logprob: logprob(ofLogit: $0.logit)) }
  }

  private func logprob(ofLogit logit: Float) -> Float { Float(Double(logit) - greatest - logSum) }
}
