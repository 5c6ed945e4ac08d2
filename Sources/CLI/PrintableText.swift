extension String {
  /// The text without what would command a terminal: control characters but for line feed and tab are shown as
  /// U+FFFD.
  var printable: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.isCommand ? "\u{FFFD}" : $0 }))
  }

  /// Only characters that take one column each; anything else is shown as a question mark.
  var printableASCII: String {
    String(String.UnicodeScalarView(unicodeScalars.map { ("\u{20}"..."\u{7E}").contains($0) ? $0 : "?" }))
  }
}

extension Unicode.Scalar {
  fileprivate var isCommand: Bool {
    properties.generalCategory == .control && self != "\n" && self != "\t"
  }
}
