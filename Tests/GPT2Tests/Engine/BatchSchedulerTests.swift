import Testing

@testable import GPT2

@Suite struct BatchSchedulerTests {
  private typealias Limits = BatchScheduler.Limits

  /// What a step computes, as (id, position, count, wants logits).
  private func summary(_ step: [BatchScheduler.Work]) -> [[Int]] {
    step.map { [Int($0.id), $0.position, $0.tokens.count, $0.wantsLogits ? 1 : 0] }
  }

  @Test func aPromptIsComputedInChunksAndOnlyItsEndWantsLogits() {
    var scheduler = BatchScheduler(limits: Limits(sequences: 1, rowsPerStep: 64, promptChunk: 4))
    scheduler.add(1, prompt: Array(0..<10))
    #expect(summary(scheduler.nextStep()) == [[1, 0, 4, 0]])
    #expect(summary(scheduler.nextStep()) == [[1, 4, 4, 0]])
    let last = scheduler.nextStep()
    #expect(summary(last) == [[1, 8, 2, 1]])
    #expect(Array(last[0].tokens) == [8, 9])
    scheduler.append(77, to: 1)
    let next = scheduler.nextStep()
    #expect(summary(next) == [[1, 10, 1, 1]])
    #expect(Array(next[0].tokens) == [77])
  }

  @Test func runningSequencesGetTheirTokenWhileALongPromptIsComputed() {
    var scheduler = BatchScheduler(limits: Limits(sequences: 2, rowsPerStep: 8, promptChunk: 100))
    scheduler.add(1, prompt: [1])
    _ = scheduler.nextStep()
    scheduler.append(5, to: 1)
    scheduler.add(2, prompt: Array(repeating: 0, count: 20))
    #expect(summary(scheduler.nextStep()) == [[1, 1, 1, 1], [2, 0, 7, 0]])
    scheduler.append(6, to: 1)
    #expect(summary(scheduler.nextStep()) == [[1, 2, 1, 1], [2, 7, 7, 0]])
  }

  @Test func whoWaitsTakesTheSlotOfOneThatLeft() {
    var scheduler = BatchScheduler(limits: Limits(sequences: 2, rowsPerStep: 8, promptChunk: 8))
    for id in 1...3 { scheduler.add(UInt64(id), prompt: [Int32(id)]) }
    let first = scheduler.nextStep()
    #expect(first.map(\.id) == [1, 2])
    #expect(scheduler.waitingCount == 1)
    scheduler.append(9, to: 2)
    scheduler.remove(1)
    let second = scheduler.nextStep()
    #expect(Set(second.map(\.id)) == [2, 3])
    #expect(second.first { $0.id == 3 }?.slot == first.first { $0.id == 1 }?.slot)
  }

  @Test func aSequenceThatWaitsCanLeaveToo() {
    var scheduler = BatchScheduler(limits: Limits(sequences: 1, rowsPerStep: 8, promptChunk: 8))
    scheduler.add(1, prompt: [1])
    scheduler.add(2, prompt: [1])
    scheduler.add(3, prompt: [1])
    scheduler.remove(2)
    _ = scheduler.nextStep()
    scheduler.remove(1)
    #expect(scheduler.nextStep().map(\.id) == [3])
    scheduler.remove(3)
    #expect(scheduler.isIdle)
  }

  /// Random arrivals, lengths and departures: in every step each sequence appears once, in its own slot, at the
  /// position where it was; the step is within its bounds; and everyone gets done.
  @Test(arguments: 0..<50)
  func everySequenceIsComputedInOrderAndNothingIsLost(seed: Int) {
    var generator = SplitMix(seed: UInt64(seed))
    let limits = Limits(
      sequences: 1 + Int(generator.next() % 6), rowsPerStep: 1 + Int(generator.next() % 20),
      promptChunk: 1 + Int(generator.next() % 9))
    var scheduler = BatchScheduler(limits: limits)
    var wanted: [UInt64: (prompt: Int, new: Int)] = [:]
    var computed: [UInt64: [Int32]] = [:]
    var slots: [UInt64: Int] = [:]
    var nextID: UInt64 = 0
    var finished = 0
    var steps = 0

    while finished < 40 {
      steps += 1
      #expect(steps < 5000)
      if nextID < 40, generator.next() % 2 == 0 {
        nextID += 1
        wanted[nextID] = (1 + Int(generator.next() % 30), 1 + Int(generator.next() % 10))
        scheduler.add(nextID, prompt: (0..<(wanted[nextID]?.prompt ?? 1)).map { Int32($0) })
      }
      let step = scheduler.nextStep()
      #expect(step.reduce(0) { $0 + $1.tokens.count } <= limits.rowsPerStep)
      #expect(Set(step.map(\.slot)).count == step.count)
      for work in step {
        #expect(slots[work.id, default: work.slot] == work.slot)
        slots[work.id] = work.slot
        #expect(work.position == computed[work.id, default: []].count)
        computed[work.id, default: []] += work.tokens
        guard work.wantsLogits, let (prompt, new) = wanted[work.id] else { continue }
        let length = computed[work.id, default: []].count
        if length - prompt == new - 1 {
          #expect(computed[work.id] == (0..<length).map { Int32($0) })
          scheduler.remove(work.id)
          slots[work.id] = nil
          finished += 1
        } else {
          scheduler.append(Int32(length), to: work.id)
        }
      }
    }
    #expect(scheduler.isIdle)
  }
}
