import JobWire

/// What of a text a client has got so far.
///
/// However a text arrives here (in pieces that overlap because a second worker ran the job, or with pieces
/// missing), what is given out together with `rest(of:)` is the text, once.
struct StreamedText {
  private(set) var tokenCount = 0
  private var bytes: [UInt8] = []

  /// The tokens of a piece that are new and follow on what was given out. A piece behind a gap has none: if no
  /// other closes it, the rest comes with the result.
  mutating func take(_ piece: JobPiece) -> ArraySlice<JobPiece.Token> {
    guard piece.first <= tokenCount, piece.end > tokenCount else { return [] }
    let new = piece.tokens[(tokenCount - piece.first)...]
    tokenCount = piece.end
    for token in new { bytes += token.text.utf8 }
    return new
  }

  /// What of the complete text was not given out; nil if something else was.
  func rest(of text: String) -> String? {
    guard text.utf8.starts(with: bytes) else { return nil }
    return String(decoding: text.utf8.dropFirst(bytes.count), as: UTF8.self)
  }
}
