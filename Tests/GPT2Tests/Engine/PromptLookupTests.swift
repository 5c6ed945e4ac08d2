import Testing

@testable import GPT2

@Suite struct PromptLookupTests {
  @Test func whatFollowedTheLastThreeTokensBeforeIsProposed() {
    var lookup = PromptLookup()
    #expect(lookup.draft(after: [1, 2, 3, 7, 8, 9, 10, 1, 2, 3], limit: 7) == [7, 8, 9])
    #expect(
      lookup.draft(after: [1, 2, 3, 7, 5, 1, 2, 3, 8, 6, 6, 1, 2, 3], limit: 7) == [8, 6, 6], "the last time")
    #expect(lookup.draft(after: [1, 2, 3, 7, 8, 1, 2, 3], limit: 2) == [7, 8])
  }

  @Test func nothingIsProposedWithoutAReason() {
    var lookup = PromptLookup()
    #expect(lookup.draft(after: [1, 2, 3, 4, 5, 6], limit: 7).isEmpty)
    #expect(lookup.draft(after: [1, 2], limit: 7).isEmpty)
    #expect(lookup.draft(after: [], limit: 7).isEmpty)
    #expect(lookup.draft(after: [5, 5, 5, 5, 5], limit: 0).isEmpty)
    #expect(lookup.draft(after: [5, 5, 5, 5, 5], limit: -3).isEmpty)
  }

  @Test func aProposalContinuesItselfBeyondTheEnd() {
    var lookup = PromptLookup()
    lookup.learn(proposed: 3, accepted: 3)
    lookup.learn(proposed: 6, accepted: 6)
    #expect(lookup.draft(after: [4, 4, 4, 4], limit: 9) == [4, 4, 4, 4, 4, 4, 4])
    #expect(lookup.draft(after: [1, 2, 1, 2, 1, 2], limit: 5) == [1, 2, 1, 2, 1])
  }

  @Test func proposalsPauseLongerAndLongerWhileTheyFail() {
    var lookup = PromptLookup()
    let text: [Int32] = [4, 4, 4, 4]
    var pauses: [Int] = []
    for _ in 0..<8 {
      var pause = 0
      while lookup.draft(after: text, limit: 7).isEmpty { pause += 1 }
      pauses.append(pause)
      lookup.learn(proposed: 2, accepted: 0)
    }
    #expect(pauses == [0, 1, 2, 4, 8, 16, 32, 64])
    lookup.learn(proposed: 2, accepted: 2)
    while lookup.draft(after: text, limit: 7).isEmpty {}
    lookup.learn(proposed: 2, accepted: 0)
    var pause = 0
    while lookup.draft(after: text, limit: 7).isEmpty { pause += 1 }
    #expect(pause == 1, "success is trusted again")
  }
}
