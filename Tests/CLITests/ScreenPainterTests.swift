import Testing

@testable import CLI

@Suite struct ScreenPainterTests {
  /// As much of a terminal as the painter needs.
  private struct Terminal {
    var lines: [[Character]] = [[]]
    var row = 0
    var column = 0
    var showsCursor = true
    var cleared = 0

    mutating func receive(_ text: String) {
      var rest = text[...]
      while let character = rest.popFirst() {
        switch character {
        case "\u{1B}":
          rest.removeFirst()
          let parameters = rest.prefix { !$0.isLetter }
          rest.removeFirst(parameters.count)
          obey(rest.removeFirst(), String(parameters))
        case "\r": column = 0
        case "\n":
          (row, column) = (row + 1, 0)
          if row == lines.count { lines.append([]) }
        default:
          while lines[row].count <= column { lines[row].append(" ") }
          lines[row][column] = character
          column += 1
        }
      }
    }

    private mutating func obey(_ command: Character, _ parameters: String) {
      switch (command, parameters) {
      case ("A", _): row = max(0, row - (Int(parameters) ?? 1))
      case ("K", _): lines[row] = Array(lines[row].prefix(column))
      case ("J", "2"):
        lines = [[]]
        cleared += 1
      case ("J", _):
        lines[row] = Array(lines[row].prefix(column))
        lines = Array(lines.prefix(row + 1))
      case ("H", _): (row, column) = (0, 0)
      case ("l", _): showsCursor = false
      case ("h", _): showsCursor = true
      default: break
      }
    }

    var text: [String] { lines.map { String($0) } }
  }

  private static let size = TerminalSize(columns: 20, rows: 6)

  @Test func theScreenShowsTheLastFrameAndNothingOfThoseBefore() {
    var painter = ScreenPainter(hasColors: true)
    var terminal = Terminal()
    let frames: [[ScreenLine]] = [
      ["one", "two", "three"], ["a longer line", ""], [ScreenLine("x", .alarm)], ["p", "q", "r", "s"],
    ]
    for frame in frames {
      terminal.receive(painter.frame(frame, size: Self.size))
      #expect(terminal.text == frame.map(\.text) + [""])
    }
    // Clearing a screen before it is drawn is what flickers.
    #expect(terminal.cleared == 0)
    #expect(!terminal.showsCursor)
    terminal.receive(ScreenPainter.end)
    #expect(terminal.showsCursor)
  }

  @Test func whatIsTooLongOrTooMuchIsLeftOut() {
    var painter = ScreenPainter(hasColors: false)
    var terminal = Terminal()
    let lines = (1...9).map { ScreenLine("\($0) " + String(repeating: "x", count: 40)) }
    terminal.receive(painter.frame(lines, size: Self.size))
    #expect(terminal.text.count == Self.size.rows)
    #expect(terminal.text.allSatisfy { $0.count < Self.size.columns })
    #expect(terminal.text[4] == "... and 5 lines mor")
  }

  @Test func afterAChangeOfItsSizeTheTerminalIsDrawnAnew() {
    var painter = ScreenPainter(hasColors: false)
    var terminal = Terminal()
    terminal.receive(painter.frame(["one", "two"], size: Self.size))
    terminal.receive(painter.frame(["three"], size: TerminalSize(columns: 9, rows: 4)))
    #expect(terminal.cleared == 1)
    #expect(terminal.text == ["three", ""])
  }

  @Test func withoutColoursThereAreNone() {
    var plain = ScreenPainter(hasColors: false)
    #expect(!plain.frame([ScreenLine("x", .alarm)], size: Self.size).contains("m"))
    var coloured = ScreenPainter(hasColors: true)
    #expect(coloured.frame([ScreenLine("x", .alarm)], size: Self.size).contains("\u{1B}[1;31mx\u{1B}[0m"))
  }

  @Test func columnsAreAsWideAsTheirWidestCell() {
    let table = TextTable(
      columns: [.left("name"), .right("n"), .left("rest")], rows: [["a", "100", ""], ["longer", "1", "x"]])
    #expect(table.lines.map(\.text) == ["name      n  rest", "a       100", "longer    1  x"])
    #expect(table.lines.map(\.style) == [.heading, .plain, .plain])
  }
}
