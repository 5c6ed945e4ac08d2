/// Chooses the next tokens of many sequences at once, on all threads of the kernels: reading the logits of a large
/// batch on one thread would take as long as computing some of them.
final class TokenChooser {
  /// A token to be chosen.
  struct Choice {
    let sampler: Sampler
    let logits: UnsafeBufferPointer<Float>
    /// Of the token in its sequence.
    let position: Int
  }

  /// Working memory, `[count]` for each thread.
  private let scratch: UnsafeMutableBufferPointer<Float>
  private let count: Int

  /// - Parameters:
  ///   - count: the most logits of one choice.
  ///   - threads: those of the transformer.
  init(count: Int, threads: Int) {
    self.count = count
    scratch = .allocate(capacity: count * threads)
  }

  deinit { scratch.deallocate() }

  /// The tokens, in the order of the choices.
  func choose(_ choices: [Choice], on transformer: Transformer) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: choices.count) { tokens, initialized in
      transformer.parallel(choices.count) { index, thread in
        let own = UnsafeMutableBufferPointer(rebasing: scratch[thread * count..<(thread + 1) * count])
        let choice = choices[index]
        tokens.initializeElement(
          at: index, to: choice.sampler.choose(choice.logits, at: choice.position, scratch: own))
      }
      initialized = choices.count
    }
  }
}
