/// A line of a table for a terminal.
struct ScreenLine: Equatable, ExpressibleByStringLiteral {
  enum Style: Equatable {
    case plain, heading, alarm, faint

    /// What a terminal is told before the text; after it, it is told to forget that.
    var code: String? {
      switch self {
      case .plain: nil
      case .heading: "\u{1B}[1m"
      case .alarm: "\u{1B}[1;31m"
      case .faint: "\u{1B}[2m"
      }
    }
  }

  /// Characters of one column each.
  var text: String
  var style: Style

  init(_ text: String, _ style: Style = .plain) {
    self.text = text
    self.style = style
  }

  init(stringLiteral text: String) { self.init(text) }
}
