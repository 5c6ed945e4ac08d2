import GPT2
import Testing

/// What shares a step, a batch or a machine with a sequence must not change it by a bit.
struct BatchTests {
  static let source = SyntheticModel(
    config: GPT2Config(vocabularySize: 130, contextLength: 48, width: 36, layers: 3, heads: 3),
    head: .languageModel(tied: true), seed: 42)

  /// Eight prompts of different lengths.
  static let prompts: [[Int32]] = (0..<8).map { prompt($0) }

  static func prompt(_ index: Int) -> [Int32] {
    let length = 1 + 3 * index
    return (0..<length).map { position in Int32((position * 37 + index * 11) % 130) }
  }

  static func transformer(_ model: Model, threads: Int = 1, level: KernelLevel? = nil) throws -> Transformer {
    try Transformer(
      model: model, maxRows: 96, maxSequences: 8, maxContext: 48, threads: threads, level: level)
  }

  /// A sequence's greedy continuation and the logits behind each token.
  struct Run: Equatable {
    var tokens: [Int32] = []
    var logits: [[Float]] = []
  }

  static func alone(_ transformer: Transformer, _ prompt: [Int32], newTokens: Int) throws -> Run {
    var run = Run()
    var next = prompt
    var position = 0
    for _ in 0..<newTokens {
      try transformer.step([.init(slot: 5, tokens: next, position: position)])
      position += next.count
      run.logits.append(transformer.logits())
      next = [greedyToken(transformer.logits())]
      run.tokens += next
    }
    return run
  }

  /// All prompts together: each starts one step after the one before, in pieces of at most `chunk` tokens.
  static func together(_ transformer: Transformer, newTokens: Int, chunk: Int) throws -> [Run] {
    var runs = [Run](repeating: Run(), count: prompts.count)
    var pending = prompts
    var positions = [Int](repeating: 0, count: prompts.count)
    var step = 0
    while runs.contains(where: { $0.tokens.count < newTokens }) {
      var segments: [Transformer.Segment] = []
      var sequences: [Int] = []
      for sequence in prompts.indices where step >= sequence && runs[sequence].tokens.count < newTokens {
        let tokens = Array(pending[sequence].prefix(chunk))
        pending[sequence].removeFirst(tokens.count)
        segments.append(
          .init(
            slot: sequence, tokens: tokens, position: positions[sequence],
            wantsLogits: pending[sequence].isEmpty ? .last : .none))
        positions[sequence] += tokens.count
        sequences.append(sequence)
      }
      try transformer.step(segments)
      for (index, sequence) in sequences.enumerated() where pending[sequence].isEmpty {
        let logits = transformer.logits(segment: index)
        runs[sequence].logits.append(logits)
        runs[sequence].tokens.append(greedyToken(logits))
        pending[sequence] = [greedyToken(logits)]
      }
      step += 1
    }
    return runs
  }

  @Test(arguments: Quantization.allCases)
  func aBatchOfEightMixedSequencesGivesBitByBitWhatEachGivesAlone(_ quantization: Quantization) throws {
    let model = try makeModel(Self.source, quantization)
    for level in availableLevels {
      let single = try Self.transformer(model, level: level)
      let alone = try Self.prompts.map { try Self.alone(single, $0, newTokens: 12) }
      for threads in 1...3 {
        for chunk in [5, 64] {
          let runs = try Self.together(
            try Self.transformer(model, threads: threads, level: level), newTokens: 12, chunk: chunk)
          let same = runs == alone
          #expect(same, "\(threads) threads, chunks of \(chunk), \(level)")
        }
      }
    }
  }

  @Test func aSlotHoldsNothingOfTheSequenceBefore() throws {
    let model = try makeModel(Self.source, .int8)
    let transformer = try Self.transformer(model)
    let fresh = try transformer.allLogits(of: Self.prompts[2])
    _ = try transformer.allLogits(of: Self.prompts[7])
    #expect(try transformer.allLogits(of: Self.prompts[2]) == fresh)
  }

  @Test func goingBackForgetsTheTokensBeyond() throws {
    let transformer = try Self.transformer(try makeModel(Self.source, .int8))
    let straight = try transformer.allLogits(of: Self.prompts[4])
    try transformer.step([.init(slot: 0, tokens: [7, 7, 7], position: 5)])
    try transformer.step([
      .init(slot: 0, tokens: Array(Self.prompts[4][5...]), position: 5, wantsLogits: .last)
    ])
    #expect(transformer.logits() == straight.last)
  }

  @Test func logitsComeForTheRowsThatWantThem() throws {
    let transformer = try Self.transformer(try makeModel(Self.source, .f32))
    let all = try transformer.allLogits(of: Self.prompts[3])
    try transformer.step([
      .init(slot: 0, tokens: Self.prompts[3], position: 0, wantsLogits: .none),
      .init(slot: 1, tokens: Self.prompts[3], position: 0, wantsLogits: .all),
      .init(slot: 2, tokens: Self.prompts[3], position: 0, wantsLogits: .last),
    ])
    #expect(transformer.logits(segment: 0).isEmpty)
    #expect(all.indices.allSatisfy { transformer.logits(segment: 1, row: $0) == all[$0] })
    #expect(transformer.logits(segment: 2) == all.last)
    #expect(transformer.logits(segment: 2, row: 1).isEmpty)
    #expect(transformer.logits(segment: 3).isEmpty)
  }

  @Test func whatDoesNotFitIsRefusedAndTheNextStepRuns() throws {
    let transformer = try Self.transformer(try makeModel(Self.source, .int8))
    let expected = try transformer.allLogits(of: [1, 2, 3])
    let long = [Int32](repeating: 1, count: 40)
    let wrong: [([Transformer.Segment], String)] = [
      ([.init(slot: 8, tokens: [1], position: 0)], "page is 64; allowed is 0 to 63"),
      ([.init(slot: -1, tokens: [1], position: 0)], "page is -8"),
      ([.init(slot: 0, tokens: [], position: 0)], "tokens is 0"),
      ([.init(slot: 0, tokens: [130], position: 0)], "token is 130; allowed is 0 to 129"),
      ([.init(slot: 0, tokens: [-1], position: 0)], "token is -1"),
      ([.init(slot: 0, tokens: [1], position: 48)], "position is 48; allowed is 0 to 47"),
      ([.init(slot: 0, tokens: [1], position: -1)], "position is -1"),
      ([.init(tokens: [1], position: 16, pages: [3])], "pages is 1; allowed is 2 to 3"),
      ([.init(slot: 0, tokens: [Int32](repeating: 1, count: 49), position: 0)], "position is 0"),
      ((0..<9).map { .init(slot: $0, tokens: [1], position: 0) }, "segments is 9; allowed is 0 to 8"),
      (
        [0, 1, 2].map { slot in Transformer.Segment(slot: slot, tokens: long, position: 0) },
        "tokens is 40; allowed is 1 to 16"
      ),
    ]
    for (segments, message) in wrong {
      let error = #expect(throws: GPT2Error.self) { try transformer.step(segments) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
      #expect(transformer.logits().isEmpty)
    }
    try transformer.step([])
    #expect(try transformer.allLogits(of: [1, 2, 3]) == expected)
  }

  @Test func impossibleMeasuresAreRefused() throws {
    let model = try makeModel(Self.source, .int8)
    for (rows, sequences, context, threads) in [
      (0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 49, 1), (1, 1, 1, 0),
    ] {
      let error = #expect(throws: GPT2Error.self) {
        _ = try Transformer(
          model: model, maxRows: rows, maxSequences: sequences, maxContext: context, threads: threads)
      }
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test(arguments: KVMemory.Precision.allCases)
  func aSequenceCanUseAnyPagesInAnyOrder(_ precision: KVMemory.Precision) throws {
    let model = try makeModel(Self.source, .int8)
    let transformer = try Transformer(
      model: model, maxRows: 96, maxSequences: 2, maxContext: 48, threads: 2, cache: precision)
    let tokens = Self.prompt(5) + Self.prompt(6)
    try transformer.step([.init(tokens: tokens, position: 0, pages: [0, 1, 2], wantsLogits: .all)])
    let expected = tokens.indices.map { transformer.logits(row: $0) }
    try transformer.step([
      .init(tokens: Array(tokens[..<20]), position: 0, pages: [9, 4], wantsLogits: .none)
    ])
    // The first page is shared by a second sequence, which goes on differently and disturbs nothing.
    try transformer.step([
      .init(tokens: Array(tokens[20...]), position: 20, pages: [9, 4, 7], wantsLogits: .all),
      .init(tokens: [7, 8, 9], position: 16, pages: [9, 12], wantsLogits: .last),
    ])
    let rest = (0..<tokens.count - 20).map { transformer.logits(row: $0) }
    #expect(rest == Array(expected[20...]))
  }

  @Test func aPageOfGPT2TakesWhatItSays() {
    let config = GPT2Config(vocabularySize: 50257, contextLength: 1024, width: 768, layers: 12, heads: 12)
    #expect(KVMemory.pageBytes(config: config, precision: .f32) == 16 * 73_728)
    #expect(KVMemory.pageBytes(config: config, precision: .f16) == 16 * 36_864)
    #expect(KVMemory.pageBytes(config: config, precision: .int8) == 16 * 18_432 + 144 * 128)
  }
}
