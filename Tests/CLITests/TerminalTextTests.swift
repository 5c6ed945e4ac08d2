import Testing

@testable import CLI

@Suite struct TerminalTextTests {
  @Test func noTextCommandsTheTerminal() {
    #expect("a\u{1B}[2Jb\u{7}\u{9B}c\r\n\td é😀".printable == "a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}c\u{FFFD}\n\td é😀")
    #expect("vm-1 é\n\u{1B}".printableASCII == "vm-1 ???")
  }

  @Test(arguments: [
    (0.0, 2, "0.00"), (1.005, 1, "1.0"), (-0.04, 1, "0.0"), (-1.25, 0, "-1"), (0.000001, 6, "0.000001"),
    (123456789.5, 1, "123456789.5"), (99.96, 1, "100.0"), (100, 0, "100"), (0.05, 2, "0.05"),
  ])
  func aNumberHasItsDecimalsAndNoExponent(number: Double, digits: Int, text: String) {
    #expect(number.fixed(digits) == text)
  }

  @Test func aProgressBarShowsThePartAndTheDetailOnce() {
    var shown: [String] = []
    let bar = ProgressBar("reading", isShown: true) { shown.append($0) }
    bar.show(0.5, detail: "3 rows")
    bar.show(0.5, detail: "3 rows")
    bar.show(nil, detail: "4 rows")
    bar.clear()
    bar.clear()
    #expect(shown.count == 3)
    #expect(shown[0].hasSuffix("███████████████··············· 50 % 3 rows"))
    #expect(shown[1] == "\r\u{1B}[Kreading 4 rows")
    #expect(shown[2] == "\r\u{1B}[K")
  }

  @Test func whereNobodyLooksAProgressBarSaysNothing() {
    let bar = ProgressBar("reading", isShown: false) { _ in Issue.record("it wrote") }
    bar.show(0.5)
    bar.clear()
  }
}
