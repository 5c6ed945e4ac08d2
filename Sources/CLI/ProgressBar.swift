/// Shows on a terminal how far something has come; elsewhere it shows nothing.
final class ProgressBar {
  private let title: String
  private let isShown: Bool
  private var lastPercent = -1

  init(_ title: String, isShown: Bool = StandardError.isTerminal) {
    self.title = title
    self.isShown = isShown
  }

  /// - Parameter part: 0 to 1.
  func show(_ part: Double) {
    let percent = Int((part * 100).rounded(.down))
    guard isShown, percent != lastPercent else { return }
    lastPercent = percent
    let filled = min(max(percent, 0), 100) * 30 / 100
    let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: 30 - filled)
    StandardError.write("\r\u{1B}[K\(title) \(bar) \(percent) %")
  }

  /// Takes the bar away, so that what follows begins on an empty line.
  func clear() {
    if isShown, lastPercent >= 0 { StandardError.write("\r\u{1B}[K") }
    lastPercent = -1
  }
}
