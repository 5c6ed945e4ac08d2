/// Draws lines over the ones that it drew before: what does not change is written again, never cleared first, so
/// that nothing flickers.
struct ScreenPainter {
  private let hasColors: Bool
  private var painted = 0
  private var size: TerminalSize?

  init(hasColors: Bool) {
    self.hasColors = hasColors
  }

  /// What to write to a terminal of this size. What has no room is left out.
  mutating func frame(_ lines: [ScreenLine], size: TerminalSize) -> String {
    var text = ""
    if let before = self.size {
      // After another size nobody knows where the old lines are.
      let isSame = before == size
      text += isSame ? (painted > 0 ? "\u{1B}[\(painted)A\r" : "\r") : "\u{1B}[H\u{1B}[2J"
    } else {
      text += Self.hidesCursor
    }
    self.size = size
    let shown = fitting(lines, rows: max(1, size.rows - 1))
    for line in shown {
      // Not the last column, where terminals differ in what they do next.
      let cut = String(line.text.prefix(max(1, size.columns - 1)))
      let code = hasColors ? line.style.code : nil
      text += (code ?? "") + cut + (code == nil ? "" : "\u{1B}[0m") + "\u{1B}[K\n"
    }
    painted = shown.count
    return text + "\u{1B}[J"
  }

  private func fitting(_ lines: [ScreenLine], rows: Int) -> [ScreenLine] {
    guard lines.count > rows else { return lines }
    let hidden = lines.count - rows + 1
    return lines.prefix(rows - 1) + [ScreenLine("... and \(hidden) lines more", .faint)]
  }

  private static let hidesCursor = "\u{1B}[?25l"
  /// What to write when no more frames come.
  static let end = "\u{1B}[?25h"
}
