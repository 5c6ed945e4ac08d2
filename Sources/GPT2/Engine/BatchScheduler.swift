/// Decides which tokens of which sequences the next step computes: continuous batching as a pure state machine.
///
/// A sequence waits for a slot of the KV cache, has its prompt computed in chunks, then one token a step, and
/// leaves at once when it is done; whoever waits takes its slot in the next step. Running sequences come first
/// in every step and prompts share the rest of the rows, so a long prompt never stalls the tokens of others by
/// more than one step.
package struct BatchScheduler: Sendable {
  package typealias SequenceID = UInt64

  package struct Limits: Sendable, Equatable {
    /// Slots of the KV cache: sequences that run at the same time.
    package var sequences: Int
    /// Tokens computed in one step, over all sequences.
    package var rowsPerStep: Int
    /// Tokens of one prompt computed in one step.
    package var promptChunk: Int

    package init(sequences: Int, rowsPerStep: Int, promptChunk: Int) {
      self.sequences = max(1, sequences)
      self.rowsPerStep = max(rowsPerStep, self.sequences)
      self.promptChunk = max(1, promptChunk)
    }
  }

  /// The part of a step that belongs to one sequence.
  package struct Work: Equatable, Sendable {
    package let id: SequenceID
    package let slot: Int
    /// The tokens to compute, whose first stands at `position` of the sequence.
    package let tokens: ArraySlice<Int32>
    package let position: Int
    /// Whether the last of these tokens is the last one known, so that its logits choose the next.
    package let wantsLogits: Bool
  }

  private struct Sequence {
    let id: SequenceID
    let slot: Int
    var tokens: [Int32]
    /// How many of the tokens are in the KV cache.
    var computed = 0

    var missing: Int { tokens.count - computed }
  }

  package let limits: Limits
  private var waiting: [(id: SequenceID, prompt: [Int32])] = []
  /// In the order of admission.
  private var running: [Sequence] = []
  private var freeSlots: [Int]

  package init(limits: Limits) {
    self.limits = limits
    self.freeSlots = Array((0..<limits.sequences).reversed())
  }

  package var isIdle: Bool { waiting.isEmpty && running.isEmpty }
  package var runningCount: Int { running.count }
  package var waitingCount: Int { waiting.count }

  /// Adds a sequence of at least one token at the end of those that wait.
  package mutating func add(_ id: SequenceID, prompt: [Int32]) {
    waiting.append((id, prompt))
  }

  /// Takes a sequence out, wherever it is; its slot is free for the next step.
  package mutating func remove(_ id: SequenceID) {
    if let index = running.firstIndex(where: { $0.id == id }) {
      freeSlots.append(running.remove(at: index).slot)
    } else {
      waiting.removeAll { $0.id == id }
    }
  }

  /// Appends the token that was chosen from a sequence's logits; the next step computes it.
  package mutating func append(_ token: Int32, to id: SequenceID) {
    guard let index = running.firstIndex(where: { $0.id == id }) else { return }
    running[index].tokens.append(token)
  }

  private mutating func admit() {
    let count = min(waiting.count, freeSlots.count)
    for (id, prompt) in waiting.prefix(count) {
      running.append(Sequence(id: id, slot: freeSlots.removeLast(), tokens: prompt))
    }
    waiting.removeFirst(count)
  }

  /// Admits those that wait while there are slots, and plans the next step. What it returns counts as computed.
  package mutating func nextStep() -> [Work] {
    admit()
    var rowsLeft = limits.rowsPerStep
    var step: [Work] = []
    for index in running.indices where running[index].missing == 1 {
      step.append(take(1, of: index))
      rowsLeft -= 1
    }
    for index in running.indices where running[index].missing > 1 && rowsLeft > 0 {
      let work = take(min(running[index].missing, limits.promptChunk, rowsLeft), of: index)
      step.append(work)
      rowsLeft -= work.tokens.count
    }
    return step
  }

  private mutating func take(_ count: Int, of index: Int) -> Work {
    let sequence = running[index]
    let end = sequence.computed + count
    running[index].computed = end
    return Work(
      id: sequence.id, slot: sequence.slot, tokens: sequence.tokens[sequence.computed..<end],
      position: sequence.computed, wantsLogits: end == sequence.tokens.count)
  }
}
