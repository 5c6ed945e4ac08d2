/// Decides which tokens of which sequences the next step computes: continuous batching as a pure state machine.
///
/// A sequence waits until there is room for all of its keys and values, has its prompt computed in chunks, then one
/// token a step (more where a proposal is verified), and leaves at once when it is done; whoever waits takes its
/// place in the next step. Running sequences come first in every step and prompts share the rest of the rows evenly,
/// so a long prompt stalls neither the tokens of others nor a short prompt.
package struct BatchScheduler: Sendable {
  package typealias SequenceID = UInt64

  package struct Limits: Sendable, Equatable {
    /// Sequences that run at the same time.
    package var sequences: Int
    /// Tokens computed in one step, over all sequences.
    package var rowsPerStep: Int
    /// Tokens of all prompts in one step: more make it no faster and let others wait longer for their next token.
    package var promptChunk: Int
    /// Pages of the K/V memory.
    package var pages: Int
    /// Rows of a step up to which proposed tokens are verified along; 0 or 1: never.
    package var speculativeRows: Int
    /// Whether sequences share the pages of texts that begin alike.
    package var sharesPrefixes: Bool
    /// Tokens of all scored prompts in one step: each has a row of logits, which take far more memory than anything
    /// else of a row.
    package var scoredRows: Int

    package init(
      sequences: Int, rowsPerStep: Int, promptChunk: Int, pages: Int, speculativeRows: Int = 0,
      sharesPrefixes: Bool = true, scoredRows: Int = 64
    ) {
      self.sequences = max(1, sequences)
      self.rowsPerStep = max(rowsPerStep, self.sequences)
      self.promptChunk = max(1, promptChunk)
      self.pages = pages
      self.speculativeRows = min(speculativeRows, self.rowsPerStep)
      self.sharesPrefixes = sharesPrefixes
      // Every prompt gets a row.
      self.scoredRows = max(scoredRows, self.sequences)
    }
  }

  /// The part of a step that belongs to one sequence.
  package struct Work: Equatable, Sendable {
    package let id: SequenceID
    /// The tokens to compute, whose first stands at `position` of the sequence.
    package let tokens: [Int32]
    package let position: Int
    /// Pages for all positions up to the last token.
    package let pages: [Int32]
    /// How many of the last tokens want logits: all of a scored prompt; 0 within any other; after the prompt, the last
    /// known token and those that are proposed.
    package let logitRows: Int
    /// How many of the last tokens are only proposed.
    package let draftCount: Int

    package var draft: ArraySlice<Int32> { tokens.suffix(draftCount) }
  }

  private struct Sequence {
    let id: SequenceID
    let salt: UInt64
    /// Tokens that it may come to have.
    let limit: Int
    let promptCount: Int
    /// Whether all tokens of the prompt want logits.
    let isScored: Bool
    var tokens: [Int32]
    /// How many of the tokens are in the K/V memory.
    var computed = 0
    var pages: [Int32] = []
    /// How many of the pages are in the tree of shared ones; nil once one of them was not taken there.
    var shared: Int? = 0
    /// Tokens of the prompt that others had computed.
    var reused = 0
    var lookup = PromptLookup()

    var missing: Int { tokens.count - computed }
    var isDecoding: Bool { missing == 1 && computed >= promptCount }
    /// Pages that it may still ask for.
    var outstanding: Int { KVMemory.pages(for: limit) - pages.count }
  }

  package let limits: Limits
  private var waiting: [Sequence] = []
  /// In the order of admission.
  private var running: [Sequence] = []
  private var cache: PageCache
  /// Pages that the running sequences may still ask for: they are never given to others.
  private var reserved = 0

  package init(limits: Limits) {
    self.limits = limits
    self.cache = PageCache(pageCount: limits.pages)
  }

  package var isIdle: Bool { waiting.isEmpty && running.isEmpty }
  package var runningCount: Int { running.count }
  package var waitingCount: Int { waiting.count }
  /// Pages that are in use or promised to running sequences.
  package var usedPages: Int { limits.pages - cache.availableCount + reserved }
  package var sharedPages: Int { cache.sharedCount }
  /// Pages that are only kept for texts to come.
  package var keptPages: Int { cache.keptCount }

  /// Adds a sequence at the end of those that wait.
  ///
  /// - Parameters:
  ///   - prompt: At least one token.
  ///   - maxTokens: The most that it may come to have, prompt included; its pages are at most `limits.pages`.
  ///   - salt: Only sequences with the same one share pages.
  ///   - isScored: Whether all tokens of the prompt want logits. It offers its pages to others but takes none of them.
  package mutating func add(
    _ id: SequenceID, prompt: [Int32], maxTokens: Int, salt: UInt64 = 0, isScored: Bool = false
  ) {
    waiting.append(
      Sequence(
        id: id, salt: salt, limit: max(maxTokens, prompt.count), promptCount: prompt.count,
        isScored: isScored, tokens: prompt, shared: limits.sharesPrefixes ? 0 : nil))
  }

  /// Takes a sequence out, wherever it is; its pages are free for the next step.
  package mutating func remove(_ id: SequenceID) {
    if let index = running.firstIndex(where: { $0.id == id }) {
      shareComputedPages(of: index)
      let sequence = running.remove(at: index)
      reserved -= sequence.outstanding
      cache.release(sequence.pages)
    } else {
      waiting.removeAll { $0.id == id }
    }
  }

  /// Takes the sequences of a step that failed out, and forgets every shared page, since what is in them is uncertain.
  package mutating func removeAll(_ ids: some Collection<SequenceID>) {
    for index in running.indices { running[index].shared = nil }
    for id in ids { remove(id) }
    cache.removeAll()
  }

  /// Appends the tokens that were chosen from a sequence's logits, one for each row in order up to the first that
  /// differs from what was proposed there; the next step computes the last of them.
  package mutating func append(_ tokens: [Int32], to id: SequenceID) {
    guard let index = running.firstIndex(where: { $0.id == id }), !tokens.isEmpty else { return }
    running[index].tokens += tokens
    running[index].computed += tokens.count - 1
  }

  /// Tells how a proposal of so many tokens fared.
  package mutating func learn(_ id: SequenceID, proposed: Int, accepted: Int) {
    guard let index = running.firstIndex(where: { $0.id == id }) else { return }
    running[index].lookup.learn(proposed: proposed, accepted: accepted)
  }

  /// How many of a running sequence's prompt tokens others had computed before.
  package func reusedTokens(of id: SequenceID) -> Int {
    running.first { $0.id == id }?.reused ?? 0
  }
}

// MARK: - The next step

extension BatchScheduler {
  /// Admits those that wait while there is room, and plans the next step. What it returns counts as computed, but for
  /// proposed tokens.
  package mutating func nextStep() -> [Work] {
    for index in running.indices { shareComputedPages(of: index) }
    admit()
    var rowsLeft = limits.rowsPerStep
    var step: [Work] = []
    let decoding = running.indices.filter { running[$0].isDecoding }
    // Every prompt keeps a row.
    let prompts = running.count - decoding.count
    var draftRows = min(limits.speculativeRows, rowsLeft - prompts) - decoding.count
    for index in decoding {
      let sequence = running[index]
      let draft = running[index].lookup.draft(
        after: sequence.tokens, limit: min(draftRows, sequence.limit - sequence.tokens.count - 1))
      draftRows -= draft.count
      rowsLeft -= 1 + draft.count
      step.append(take(1, of: index, draft: draft))
    }
    planPrompts(rows: min(rowsLeft, max(limits.promptChunk, prompts)), &step)
    return step
  }

  private mutating func admit() {
    while let next = waiting.first, running.count < limits.sequences,
      reserved + next.outstanding <= cache.availableCount
    {
      reserved += next.outstanding
      running.append(waiting.removeFirst())
    }
  }

  /// Shares the rows among the prompts: each gets an equal part, and what a short one leaves goes to the longer ones.
  private mutating func planPrompts(rows: Int, _ step: inout [Work]) {
    var begun: Set<PageCache.Key> = []
    var prompts: [Int] = []
    for index in running.indices where !running[index].isDecoding && running[index].missing > 0 {
      takeSharedPages(index)
      // Somebody computes this very page in this step: it can be shared in the next one.
      guard let key = nextPage(of: index) else {
        prompts.append(index)
        continue
      }
      if begun.insert(key).inserted || running[index].isScored { prompts.append(index) }
    }
    prompts.sort { running[$0].missing < running[$1].missing }
    var rowsLeft = rows
    var scored = (rows: limits.scoredRows, prompts: prompts.count { running[$0].isScored })
    for (done, index) in prompts.enumerated() where rowsLeft > 0 {
      var part = max(1, rowsLeft / (prompts.count - done))
      if running[index].isScored { part = min(part, scored.rows / scored.prompts) }
      var count = min(running[index].missing, part)
      if count < running[index].missing {
        // Whole pages can be shared with those that wait for them.
        let end = running[index].computed + count
        count = max(end / KVMemory.pagePositions * KVMemory.pagePositions - running[index].computed, 0)
        if count == 0 { count = end - running[index].computed }
      }
      step.append(take(count, of: index, draft: []))
      rowsLeft -= count
      if running[index].isScored { scored = (scored.rows - count, scored.prompts - 1) }
    }
  }

  private mutating func take(_ count: Int, of index: Int, draft: [Int32]) -> Work {
    let begin = running[index].computed
    let end = begin + count
    growPages(of: index, to: end + draft.count)
    running[index].computed = end
    let sequence = running[index]
    let nextIsKnown = end < sequence.tokens.count
    let isScored = sequence.isScored && begin < sequence.promptCount
    return Work(
      id: sequence.id, tokens: sequence.tokens[begin..<end] + draft, position: begin, pages: sequence.pages,
      logitRows: isScored ? count : nextIsKnown ? 0 : 1 + draft.count, draftCount: draft.count)
  }

  /// Gives a sequence pages for so many tokens. They were reserved for it when it was admitted.
  private mutating func growPages(of index: Int, to tokens: Int) {
    while running[index].pages.count < KVMemory.pages(for: tokens), let page = cache.allocate() {
      running[index].pages.append(page)
      reserved -= 1
    }
  }
}

// MARK: - Shared pages

extension BatchScheduler {
  /// The place in the tree of a sequence's page `number`, if all pages before it are in the tree.
  private func key(_ number: Int, of sequence: Sequence) -> PageCache.Key? {
    guard sequence.shared == number else { return nil }
    let begin = number * KVMemory.pagePositions
    return PageCache.Key(
      after: number == 0 ? nil : sequence.pages[number - 1], salt: sequence.salt,
      tokens: sequence.tokens[begin..<begin + KVMemory.pagePositions])
  }

  /// The page that the prompt computes next, if it is one that others may want: a whole one.
  private func nextPage(of index: Int) -> PageCache.Key? {
    let sequence = running[index]
    let number = sequence.computed / KVMemory.pagePositions
    guard (number + 1) * KVMemory.pagePositions < sequence.tokens.count else { return nil }
    return key(number, of: sequence)
  }

  /// Offers the pages that a sequence has filled to others.
  private mutating func shareComputedPages(of index: Int) {
    while let number = running[index].shared,
      (number + 1) * KVMemory.pagePositions <= running[index].computed,
      let key = key(number, of: running[index])
    {
      let isNew = cache.insert(running[index].pages[number], at: key)
      running[index].shared = isNew ? number + 1 : nil
    }
  }

  /// Takes the pages of a prompt that others have computed, up to but not including its last token, whose logits are
  /// wanted. A scored one wants those of all its tokens, and nobody keeps logits.
  private mutating func takeSharedPages(_ index: Int) {
    guard !running[index].isScored else { return }
    while running[index].computed % KVMemory.pagePositions == 0, let key = nextPage(of: index),
      let page = cache.share(key)
    {
      running[index].pages.append(page)
      reserved -= 1
      running[index].shared = running[index].pages.count
      running[index].computed += KVMemory.pagePositions
      running[index].reused += KVMemory.pagePositions
    }
  }
}
