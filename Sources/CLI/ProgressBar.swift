/// Shows on a terminal how far something has come; elsewhere it shows nothing.
final class ProgressBar {
  private static let width = 30

  private let title: String
  private let isShown: Bool
  private let write: (String) -> Void
  private var shown: String?

  init(
    _ title: String, isShown: Bool = StandardError.isTerminal,
    write: @escaping (String) -> Void = StandardError.write
  ) {
    self.title = title
    self.isShown = isShown
    self.write = write
  }

  /// - Parameters:
  ///   - part: 0 to 1; nil where the whole isn't known.
  ///   - detail: stands behind it.
  func show(_ part: Double?, detail: String = "") {
    guard isShown else { return }
    var words = [title]
    if let part {
      let percent = Int((min(max(part, 0), 1) * 100).rounded(.down))
      let filled = percent * Self.width / 100
      let bar =
        String(repeating: "█", count: filled) + String(repeating: "·", count: Self.width - filled)
      words += [bar, "\(percent) %"]
    }
    if !detail.isEmpty { words.append(detail) }
    let line = words.joined(separator: " ")
    guard line != shown else { return }
    shown = line
    write("\r\u{1B}[K\(line)")
  }

  /// Takes the bar away, so that what follows begins on an empty line.
  func clear() {
    if shown != nil { write("\r\u{1B}[K") }
    shown = nil
  }
}
