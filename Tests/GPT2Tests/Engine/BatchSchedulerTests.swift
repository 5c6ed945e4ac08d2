import Testing

@testable import GPT2

@Suite struct BatchSchedulerTests {
  /// A scheduler with more pages than it needs.
  private func scheduler(
    sequences: Int, rowsPerStep: Int, promptChunk: Int, pages: Int = 1000, speculativeRows: Int = 0,
    sharesPrefixes: Bool = false
  ) -> BatchScheduler {
    BatchScheduler(
      limits: BatchScheduler.Limits(
        sequences: sequences, rowsPerStep: rowsPerStep, promptChunk: promptChunk, pages: pages,
        speculativeRows: speculativeRows, sharesPrefixes: sharesPrefixes))
  }

  /// What a step computes, as (id, position, count, rows with logits).
  private func summary(_ step: [BatchScheduler.Work]) -> [[Int]] {
    step.map { [Int($0.id), $0.position, $0.tokens.count, $0.logitRows] }
  }

  @Test func aPromptIsComputedInChunksAndOnlyItsEndWantsLogits() {
    var scheduler = self.scheduler(sequences: 1, rowsPerStep: 64, promptChunk: 4)
    scheduler.add(1, prompt: Array(0..<10), maxTokens: 100)
    #expect(summary(scheduler.nextStep()) == [[1, 0, 4, 0]])
    #expect(summary(scheduler.nextStep()) == [[1, 4, 4, 0]])
    let last = scheduler.nextStep()
    #expect(summary(last) == [[1, 8, 2, 1]])
    #expect(last[0].tokens == [8, 9])
    scheduler.append([77], to: 1)
    let next = scheduler.nextStep()
    #expect(summary(next) == [[1, 10, 1, 1]])
    #expect(next[0].tokens == [77])
  }

  @Test func runningSequencesGetTheirTokenWhileALongPromptIsComputed() {
    var scheduler = self.scheduler(sequences: 2, rowsPerStep: 8, promptChunk: 100)
    scheduler.add(1, prompt: [1], maxTokens: 100)
    _ = scheduler.nextStep()
    scheduler.append([5], to: 1)
    scheduler.add(2, prompt: Array(repeating: 0, count: 20), maxTokens: 100)
    #expect(summary(scheduler.nextStep()) == [[1, 1, 1, 1], [2, 0, 7, 0]])
    scheduler.append([6], to: 1)
    #expect(summary(scheduler.nextStep()) == [[1, 2, 1, 1], [2, 7, 7, 0]])
  }

  @Test func whoWaitsTakesThePlaceOfOneThatLeft() {
    var scheduler = self.scheduler(sequences: 2, rowsPerStep: 8, promptChunk: 8)
    for id in 1...3 { scheduler.add(UInt64(id), prompt: [Int32(id)], maxTokens: 100) }
    let first = scheduler.nextStep()
    #expect(first.map(\.id) == [1, 2])
    #expect(scheduler.waitingCount == 1)
    scheduler.append([9], to: 2)
    scheduler.remove(1)
    let second = scheduler.nextStep()
    #expect(Set(second.map(\.id)) == [2, 3])
    #expect(second.first { $0.id == 3 }?.pages == first.first { $0.id == 1 }?.pages)
  }

  @Test func aSequenceThatWaitsCanLeaveToo() {
    var scheduler = self.scheduler(sequences: 1, rowsPerStep: 8, promptChunk: 8)
    scheduler.add(1, prompt: [1], maxTokens: 100)
    scheduler.add(2, prompt: [1], maxTokens: 100)
    scheduler.add(3, prompt: [1], maxTokens: 100)
    scheduler.remove(2)
    _ = scheduler.nextStep()
    scheduler.remove(1)
    #expect(scheduler.nextStep().map(\.id) == [3])
    scheduler.remove(3)
    #expect(scheduler.isIdle)
  }

  @Test func promptsShareTheRowsAndAShortOneIsNotHeldUp() {
    var scheduler = self.scheduler(sequences: 3, rowsPerStep: 64, promptChunk: 64)
    scheduler.add(1, prompt: Array(repeating: 1, count: 200), maxTokens: 201)
    scheduler.add(2, prompt: Array(repeating: 2, count: 200), maxTokens: 201)
    scheduler.add(3, prompt: [1, 2, 3], maxTokens: 10)
    let step = summary(scheduler.nextStep())
    #expect(step.contains([3, 0, 3, 1]))
    #expect(step.contains([1, 0, 16, 0]) && step.contains([2, 0, 32, 0]), "whole pages of an equal part")
  }

  @Test func everyPromptKeepsARowHoweverManyThereAre() {
    var scheduler = self.scheduler(sequences: 9, rowsPerStep: 9, promptChunk: 2, speculativeRows: 9)
    scheduler.add(1, prompt: [4, 4, 4, 4], maxTokens: 50)
    while scheduler.nextStep().first?.logitRows != 1 {}
    scheduler.append([4], to: 1)
    for id in 2...9 { scheduler.add(UInt64(id), prompt: Array(repeating: 4, count: id), maxTokens: 50) }
    let step = scheduler.nextStep()
    #expect(Set(step.map(\.id)) == Set(1...9))
    #expect(step.allSatisfy { $0.tokens.count == 1 })
  }

  @Test func whoHasNoRoomWaitsInsteadOfFailingAndNobodyOvertakes() {
    // Five pages: the first sequence may come to need four of them, though it begins with one.
    var scheduler = self.scheduler(sequences: 8, rowsPerStep: 64, promptChunk: 64, pages: 5)
    scheduler.add(1, prompt: [1], maxTokens: 64)
    scheduler.add(2, prompt: [2], maxTokens: 40)
    scheduler.add(3, prompt: [3], maxTokens: 3)
    #expect(scheduler.nextStep().map(\.id) == [1])
    #expect(scheduler.waitingCount == 2)
    #expect(scheduler.usedPages == 4)
    scheduler.remove(1)
    #expect(Set(scheduler.nextStep().map(\.id)) == [2, 3])
    scheduler.remove(2)
    scheduler.remove(3)
    #expect(scheduler.usedPages == 0)
  }

  @Test func aTextThatOthersHaveBegunIsComputedOnce() {
    var scheduler = self.scheduler(sequences: 4, rowsPerStep: 64, promptChunk: 64, sharesPrefixes: true)
    let text = (0..<50).map { Int32($0) }
    scheduler.add(1, prompt: text, maxTokens: 60)
    scheduler.add(2, prompt: Array(text[..<40]), maxTokens: 60)
    scheduler.add(3, prompt: text, maxTokens: 60, salt: 7)
    // The second waits for the pages that the first computes; the third is somebody else's.
    let first = scheduler.nextStep()
    #expect(Set(first.map(\.id)) == [1, 3])
    scheduler.append([100], to: 1)
    scheduler.append([100], to: 3)
    while scheduler.reusedTokens(of: 2) == 0 { _ = scheduler.nextStep() }
    #expect(scheduler.reusedTokens(of: 2) == 32)
    #expect(scheduler.reusedTokens(of: 3) == 0)

    // Much later, when all are gone, the text is still known, all of it but the last token.
    for id in 1...3 { scheduler.remove(BatchScheduler.SequenceID(id)) }
    scheduler.add(4, prompt: Array(text[..<48]), maxTokens: 60)
    let step = scheduler.nextStep()
    #expect(summary(step) == [[4, 32, 16, 1]])
    #expect(Array(step[0].pages.prefix(2)) == Array((first.first { $0.id == 1 }?.pages ?? []).prefix(2)))
  }

  @Test func aScoredPromptWantsAllItsLogitsButFewOfThemInAStep() {
    var scheduler = BatchScheduler(
      limits: .init(sequences: 3, rowsPerStep: 64, promptChunk: 64, pages: 100, scoredRows: 20))
    scheduler.add(1, prompt: Array(repeating: 1, count: 40), maxTokens: 50, isScored: true)
    scheduler.add(2, prompt: Array(repeating: 2, count: 7), maxTokens: 50, isScored: true)
    scheduler.add(3, prompt: Array(repeating: 3, count: 40), maxTokens: 50)
    #expect(Set(summary(scheduler.nextStep())) == [[2, 0, 7, 7], [1, 0, 13, 13], [3, 0, 40, 1]])
    scheduler.append([5], to: 2)
    scheduler.append([5], to: 3)
    // After its prompt a scored sequence is like any other.
    #expect(Set(summary(scheduler.nextStep())) == [[2, 7, 1, 1], [3, 40, 1, 1], [1, 13, 19, 19]])
    scheduler.append([5], to: 2)
    let last = scheduler.nextStep().first { $0.id == 1 }
    #expect(last?.logitRows == 8)
    #expect(last?.draft.isEmpty == true)
  }

  @Test func aScoredPromptIsComputedWholeAndSharedByOthers() {
    var scheduler = self.scheduler(sequences: 4, rowsPerStep: 64, promptChunk: 64, sharesPrefixes: true)
    let text = (0..<40).map { Int32($0) }
    scheduler.add(1, prompt: text, maxTokens: 60, isScored: true)
    scheduler.add(2, prompt: text, maxTokens: 60, isScored: true)
    scheduler.add(3, prompt: text, maxTokens: 60)
    // Only the one that isn't scored waits for the pages of the others.
    #expect(Set(scheduler.nextStep().map(\.id)) == [1, 2])
    while scheduler.reusedTokens(of: 3) == 0 { _ = scheduler.nextStep() }
    #expect(scheduler.reusedTokens(of: 3) == 32)
    #expect(scheduler.reusedTokens(of: 1) == 0 && scheduler.reusedTokens(of: 2) == 0)
    scheduler.add(4, prompt: text, maxTokens: 60, isScored: true)
    #expect(scheduler.nextStep().first { $0.id == 4 }?.position == 0)
  }

  @Test func nothingIsSharedAfterAStepThatFailed() {
    var scheduler = self.scheduler(sequences: 4, rowsPerStep: 64, promptChunk: 64, sharesPrefixes: true)
    let text = (0..<40).map { Int32($0) }
    scheduler.add(1, prompt: text, maxTokens: 60)
    _ = scheduler.nextStep()
    scheduler.removeAll([1])
    scheduler.add(2, prompt: text, maxTokens: 60)
    #expect(scheduler.nextStep().first?.position == 0)
    #expect(scheduler.sharedPages == 0)
  }

  @Test func proposalsAreVerifiedAsLongAsFewSequencesRun() {
    var scheduler = self.scheduler(sequences: 8, rowsPerStep: 64, promptChunk: 64, speculativeRows: 4)
    scheduler.add(1, prompt: [1, 2, 3, 9, 8, 1, 2], maxTokens: 11)
    _ = scheduler.nextStep()
    scheduler.append([3], to: 1)
    let step = scheduler.nextStep()
    // Ten tokens at most may be known before the last: no more than two can be proposed.
    #expect(step[0].tokens == [3, 9, 8])
    #expect(step[0].draft == [9, 8])
    #expect(step[0].logitRows == 3)
    // The first proposal is right, the second is not.
    scheduler.append([9, 7], to: 1)
    scheduler.learn(1, proposed: 2, accepted: 1)
    let next = scheduler.nextStep()
    #expect(next[0].tokens.first == 7)
    #expect(next[0].position == 9)

    var busy = self.scheduler(sequences: 8, rowsPerStep: 64, promptChunk: 64, speculativeRows: 4)
    for id in 1...4 { busy.add(UInt64(id), prompt: [4, 4, 4, 4], maxTokens: 50) }
    _ = busy.nextStep()
    for id in 1...4 { busy.append([4], to: UInt64(id)) }
    #expect(busy.nextStep().allSatisfy { $0.draft.isEmpty })
  }

  /// Random arrivals, lengths, departures and proposals: in every step each sequence appears once, at the position where
  /// it was, with pages that hold what it computed and that nobody else writes to; the step is within its bounds;
  /// and everyone gets done.
  @Test(arguments: 0..<60)
  func everySequenceIsComputedInOrderAndNothingIsLost(seed: Int) {
    var generator = SplitMix(seed: UInt64(seed))
    let limits = BatchScheduler.Limits(
      sequences: 1 + Int(generator.next() % 6), rowsPerStep: 1 + Int(generator.next() % 40),
      promptChunk: 1 + Int(generator.next() % 30), pages: 4 + Int(generator.next() % 12),
      speculativeRows: Int(generator.next() % 6), sharesPrefixes: generator.next() % 4 != 0,
      scoredRows: Int(generator.next() % 12))
    var scheduler = BatchScheduler(limits: limits)
    var wanted: [UInt64: (prompt: [Int32], new: Int, chosen: [Int32])] = [:]
    var scored: [UInt64: Int] = [:]  // rows of logits that a scored prompt had
    var held: [Int32: [Int32]] = [:]  // what each page holds, position by position
    var nextID: UInt64 = 0
    var finished = 0
    var steps = 0

    while finished < 40 {
      steps += 1
      #expect(steps < 5000)
      guard steps < 5000 else { return }
      if nextID < 40, generator.next() % 2 == 0 {
        nextID += 1
        // Few kinds of tokens, so that texts often begin alike and repeat themselves.
        let length = 1 + Int(generator.next() % 44)
        let kind = Int32(generator.next() % 3)
        let prompt = (0..<length).map { Int32($0) % 5 == 4 ? kind : Int32($0 % 5) }
        let new = 1 + Int(generator.next() % 16)
        wanted[nextID] = (prompt, new, [])
        if generator.next() % 4 == 0 { scored[nextID] = 0 }
        scheduler.add(
          nextID, prompt: prompt, maxTokens: length + new, salt: generator.next() % 2,
          isScored: scored[nextID] != nil)
      }
      let step = scheduler.nextStep()
      #expect(step.reduce(0) { $0 + $1.tokens.count } <= limits.rowsPerStep)
      #expect(Set(step.map(\.id)).count == step.count)
      let scoredRows = step.filter { scored[$0.id] != nil && $0.draft.isEmpty && $0.logitRows > 1 }
      #expect(scoredRows.reduce(0) { $0 + $1.logitRows } <= limits.scoredRows)
      var written: Set<Int32> = []
      for work in step {
        let text = (wanted[work.id]?.prompt ?? []) + (wanted[work.id]?.chosen ?? [])
        let page = KVMemory.pagePositions
        #expect(work.pages.count >= KVMemory.pages(for: work.position + work.tokens.count))
        for position in 0..<work.position {
          #expect(
            held[work.pages[position / page], default: []].dropFirst(position % page).first == text[position])
        }
        for (offset, token) in work.tokens.enumerated() {
          let position = work.position + offset
          if offset < work.tokens.count - work.draft.count { #expect(text[position] == token) }
          let index = work.pages[position / page]
          held[index, default: []] = Array(held[index, default: []].prefix(position % page)) + [token]
          written.insert(index)
        }
      }
      #expect(
        written.count
          == step.reduce(0) { $0 + Set(($1.position..<$1.position + $1.tokens.count).map { $0 / 16 }).count })
      for work in step where work.logitRows > 0 {
        guard let (prompt, new, old) = wanted[work.id] else { continue }
        if let rows = scored[work.id], rows < prompt.count {
          #expect(work.position == rows && work.logitRows == work.tokens.count)
          scored[work.id] = rows + work.logitRows
          if rows + work.logitRows < prompt.count { continue }
        }
        #expect(work.position + work.tokens.count - work.draft.count == prompt.count + old.count)
        // Half of the proposals come true.
        var chosen: [Int32] = []
        for proposed in work.draft {
          let token = generator.next() % 2 == 0 ? proposed : Int32(generator.next() % 5)
          chosen.append(token)
          if token != proposed { break }
        }
        if chosen == Array(work.draft) { chosen.append(Int32(generator.next() % 5)) }
        let tokens = old + chosen
        #expect(tokens.count <= new)
        wanted[work.id] = (prompt, new, tokens)
        scheduler.append(chosen, to: work.id)
        if !work.draft.isEmpty {
          scheduler.learn(work.id, proposed: work.draft.count, accepted: chosen.count - 1)
        }
        if tokens.count == new || generator.next() % 30 == 0 {
          scheduler.remove(work.id)
          finished += 1
        }
      }
    }
    #expect(scheduler.isIdle)
    #expect(scheduler.usedPages == 0)
  }
}
