import JobWire
import Synchronization
import Testing

@testable import CLI

@Suite(.timeLimit(.minutes(1))) struct CSVLabellingTests {
  private struct Output {
    var text = ""
    var complaints: [String] = []
    var progress: [Int] = []
    var summary = LabelSummary(labels: [])
  }

  /// Labels texts by their first letter.
  private static let byLetter: CSVLabelling.Labeller = { text in
    let isA = text.hasPrefix("a")
    return CSVLabelling.Answer(
      label: isA ? "A, or so" : "b",
      scores: [
        .init(label: "A, or so", probability: isA ? 0.75 : 0.25),
        .init(label: "b", probability: isA ? 0.25 : 0.75),
      ])
  }

  private static func labelling(window: Int = 4) -> CSVLabelling {
    CSVLabelling(labels: ["A, or so", "b"], window: window)
  }

  private static func label(
    _ text: String, _ labelling: CSVLabelling = labelling(), chunkSize: Int = 7,
    _ labeller: @escaping CSVLabelling.Labeller = byLetter
  ) async throws -> Output {
    var output = Output()
    var rest = Array(text.utf8)[...]
    output.summary = try await labelling.run(
      chunks: {
        defer { rest = rest.dropFirst(chunkSize) }
        return rest.isEmpty ? nil : rest.prefix(chunkSize)
      }, label: labeller, write: { output.text += String(decoding: $0, as: UTF8.self) },
      complain: { output.complaints.append($0) }, progress: { bytes, _ in output.progress.append(bytes) })
    return output
  }

  @Test func everyRowKeepsItsTextAndGetsALabelAndItsProbability() async throws {
    let output = try await Self.label("id,text\r\n1,\"a \"\"x\"\"\"\r\n2,beta\r\n")
    #expect(
      output.text
        == "id,text,label,score\r\n1,\"a \"\"x\"\"\",\"A, or so\",0.750000\r\n2,beta,b,0.750000\r\n")
    #expect(output.complaints.isEmpty)
    #expect(output.summary.labelledRows == 2)
    #expect(output.progress.last == 30)
  }

  @Test func allScoresHaveAColumnEach() async throws {
    var labelling = Self.labelling()
    labelling.showsAllScores = true
    let output = try await Self.label("text\nbeta\n", labelling)
    #expect(output.text == "text,label,\"score_A,_or_so\",score_b\nbeta,b,0.250000,0.750000\n")
  }

  @Test func aFileWithoutHeaderGetsNone() async throws {
    var labelling = Self.labelling()
    labelling.hasHeader = false
    labelling.separator = .tab
    labelling.column = "2"
    #expect(
      try await Self.label("x\talpha\ny\tbeta", labelling).text
        == "x\talpha\tA, or so\t0.750000\ny\tbeta\tb\t0.750000\n")
  }

  @Test func aByteOrderMarkStaysAtTheBeginning() async throws {
    #expect(
      try await Self.label("\u{FEFF}text\nbeta\n").text == "\u{FEFF}text,label,score\nbeta,b,0.750000\n")
  }

  @Test func rowsThatCannotBeLabelledAreNamedByLineAndTheOthersGoOn() async throws {
    let file = "id,text\n1,alpha\n2\n3,\n4,\"beta\"x\n5,bad\n\n6,\"b\nc\"\n7,\"open"
    let output = try await Self.label(file) { text in
      if text == "bad" { throw CSVLabelling.Refusal(reason: "not this one") }
      return try await Self.byLetter(text)
    }
    #expect(
      output.text
        == "id,text,label,score\n1,alpha,\"A, or so\",0.750000\n3,,,\n5,bad,,\n6,\"b\nc\",b,0.750000\n")
    #expect(
      output.complaints.map { $0.prefix(7) } == ["line 3:", "line 4:", "line 5:", "line 6:", "line 10"])
    #expect(output.complaints[3] == "line 6: not this one")
    #expect(output.summary.refusedLines == [3, 4, 5, 6, 10])
  }

  @Test(arguments: ["\n", "", "\r\n"]) func aQuoteThatIsNeverClosedSaysWhatGoesWithIt(end: String)
    async throws
  {
    let output = try await Self.label("a,text\n1,\"open\n2,ok\n3,ok" + end, chunkSize: 1)
    #expect(
      output.complaints == [
        "line 2: a quote is never closed; the row is left out, and all that follows, to line 4"
      ])
    #expect(
      output.summary.text(seconds: 0).hasSuffix("1 not labelled, of line 2; all from line 2 to 4 is left out")
    )
    let last = try await Self.label("text\nalpha\n\"open" + end)
    #expect(last.complaints == ["line 3: a quote is never closed; the row is left out"])
    #expect(!last.summary.text(seconds: 0).contains("all from"))
  }

  @Test func aTextThatIsNoUTF8IsRefused() async throws {
    var complaints: [String] = []
    var chunks = [Array("text\n".utf8) + [0xFF] + Array("\nb\n".utf8)]
    let summary = try await Self.labelling().run(
      chunks: { chunks.popLast()?[...] }, label: Self.byLetter, write: { _ in },
      complain: { complaints.append($0) }, progress: { _, _ in })
    #expect(complaints.count == 1)
    #expect(complaints.first?.contains("line 2") == true)
    #expect(summary.labelledRows == 1)
  }

  /// Counts who is at work at the same time.
  private final class Crowd: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func enter() { state.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func leave() { state.withLock { $0.now -= 1 } }
  }

  @Test(arguments: [1, 3, 8]) func rowsAreLabelledTogetherWithinAWindowAndKeepTheirOrder(window: Int)
    async throws
  {
    let crowd = Crowd()
    let rows = (0..<200).map { "\($0 % 3 == 0 ? "a" : "b")\($0)" }
    let output = try await Self.label("text\n" + rows.joined(separator: "\n"), Self.labelling(window: window))
    { text in
      crowd.enter()
      defer { crowd.leave() }
      // Some take longer than the next ones.
      for _ in 0..<(text.utf8.reduce(0) { $0 + Int($1) } % 7) { await Task.yield() }
      return try await Self.byLetter(text)
    }
    let texts = output.text.split(separator: "\n").dropFirst().map { $0.prefix { $0 != "," } }
    #expect(texts == rows.map { $0[...] })
    #expect(crowd.most <= window)
    #expect(output.progress == output.progress.sorted())
  }

  @Test func whatIsNoRefusalEndsAll() async throws {
    struct Broken: Error {}
    await #expect(throws: Broken.self) {
      try await Self.label("text\na\nb\n") { _ in throw Broken() }
    }
    await #expect(throws: FileFailure.self) { try await Self.label("") }
    await #expect(throws: CSVHeader.UnknownColumn.self) { try await Self.label("a,b\n1,2\n") }
  }

  @Test func theSummaryCountsLabelsAndNamesLines() {
    var summary = LabelSummary(labels: ["ham", "spam"])
    for label in ["ham", "spam", "ham"] { summary.add(.labelled(.init(label: label, scores: [])), line: 2) }
    #expect(summary.text(seconds: 2) == "3 rows labelled: 2 ham, 1 spam; 2.0 s, 1.5 rows a second")
    for line in 7...20 { summary.add(.refused("x"), line: line) }
    #expect(
      summary.text(seconds: 2).hasSuffix("14 not labelled, of line 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, …"))
  }
}
