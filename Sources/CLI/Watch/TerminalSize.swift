import Glibc

/// How much fits on a terminal.
struct TerminalSize: Equatable {
  var columns: Int
  var rows: Int

  /// That of the terminal at standard output; a terminal that doesn't know its size is taken for a usual one.
  static var current: TerminalSize {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return TerminalSize(columns: 80, rows: 24)
    }
    return TerminalSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
  }
}
