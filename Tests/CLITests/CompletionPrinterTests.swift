import Synchronization
import Testing

@testable import CLI

@Suite struct CompletionPrinterTests {
  private final class Paper: Sendable {
    private let lines = Mutex("")

    var text: String { lines.withLock { $0 } }
    func write(_ text: String) { lines.withLock { $0 += text } }
  }

  private func printer(_ paper: Paper, prompt: String = "The", count: Int = 1, isLive: Bool = true)
    -> CompletionPrinter
  {
    CompletionPrinter(prompt: prompt, count: count, isLive: isLive) { paper.write($0) }
  }

  @Test func oneCompletionIsPrintedAsItComes() {
    let paper = Paper()
    let printer = printer(paper)
    #expect(paper.text.isEmpty)
    printer.add(choice: 0, " king")
    #expect(paper.text == "The king")
    printer.finish([" king"])
    #expect(paper.text == "The king\n")
  }

  @Test func ofSeveralTheFirstComesAsItIsMadeAndTheOthersAtTheEnd() {
    let paper = Paper()
    let printer = printer(paper, count: 2)
    printer.add(choice: 1, " queen")
    printer.add(choice: 0, " king")
    #expect(paper.text == "--- 1 of 2 ---\nThe king")
    printer.finish([" king", " queen"])
    #expect(paper.text == "--- 1 of 2 ---\nThe king\n--- 2 of 2 ---\nThe queen\n")
  }

  @Test func theBestOfSeveralIsOnlyKnownAtTheEnd() {
    let paper = Paper()
    let printer = printer(paper, isLive: false)
    printer.add(choice: 0, " knave")
    #expect(paper.text.isEmpty)
    printer.finish([" king"])
    #expect(paper.text == "The king\n")
  }

  @Test func withoutANewTokenThePromptIsPrinted() {
    let paper = Paper()
    printer(paper).finish([""])
    #expect(paper.text == "The\n")
  }

  @Test func whatIsRefusedPrintsNothing() {
    let paper = Paper()
    printer(paper).stop()
    #expect(paper.text.isEmpty)
  }

  @Test(arguments: [("The", " ki", "The ki\n"), ("The", " ki\n", "The ki\n"), ("", "", "")])
  func aStopEndsTheLineThatWasBegun(prompt: String, token: String, printed: String) {
    let paper = Paper()
    let printer = printer(paper, prompt: prompt)
    printer.add(choice: 0, token)
    printer.stop()
    #expect(paper.text == printed)
  }
}
