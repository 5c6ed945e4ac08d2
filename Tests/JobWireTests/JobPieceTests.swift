import JobWire
import Testing

/// Pieces of a text, as workers send them and gateways and others read them.
@Suite struct JobPieceTests {
  static let sample = JobPiece(
    first: 5,
    tokens: [.init(token: 262, text: " the"), .init(token: 50256, text: ""), .init(token: 0, text: "\"é\n")]
  )

  static let rich = JobPiece(
    choice: 2, first: 0,
    tokens: [
      .init(
        token: 447, text: "", ownText: #"bytes:\xe2\x80"#, logprob: -0.5,
        alternatives: [.init(token: 447, text: #"bytes:\xe2\x80"#, logprob: -0.5)])
    ])

  @Test("A piece is written as documented")
  func format() {
    #expect(
      String(decoding: Self.sample.encode(), as: UTF8.self)
        == #"{"first":5,"tokens":[{"token":262,"text":" the"},{"token":50256,"text":""},{"token":0,"text":"\"é\n"}]}"#
    )
    #expect(Self.sample.end == 8)
  }

  @Test("Every piece reads back the same", arguments: [sample, rich, JobPiece(first: 0, tokens: [])])
  func roundTrip(piece: JobPiece) throws {
    #expect(try JobPiece.decode(piece.encode()) == piece)
  }

  @Test("Fields that this version doesn't know are ignored")
  func newerVersion() throws {
    let text = #"{"new":0,"first":1,"tokens":[{"token":2,"text":"a","newer":-0.5}]}"#
    #expect(
      try JobPiece.decode(Array(text.utf8)) == JobPiece(first: 1, tokens: [.init(token: 2, text: "a")]))
  }

  @Test(
    "What is no piece is refused",
    arguments: [
      "", "[]", "{}", #"{"first":0}"#, #"{"tokens":[]}"#, #"{"first":-1,"tokens":[]}"#,
      #"{"first":"0","tokens":[]}"#, #"{"first":0.5,"tokens":[]}"#, #"{"first":0,"tokens":{}}"#,
      #"{"first":9223372036854775807,"tokens":[]}"#, #"{"first":0,"tokens":[1]}"#,
      #"{"first":0,"tokens":[{"token":1}]}"#, #"{"first":0,"tokens":[{"text":"a"}]}"#,
      #"{"first":0,"tokens":[{"token":-1,"text":"a"}]}"#, #"{"first":0,"tokens":[{"token":1,"text":null}]}"#,
      #"{"first":0,"tokens":[{"token":1,"text":"a"}]"#,
    ])
  func refused(text: String) {
    #expect(throws: WireError.self) { try JobPiece.decode(Array(text.utf8)) }
  }

  @Test("However a piece is cut off or changed, reading it ends with a piece or an error")
  func damaged() {
    let bytes = Self.sample.encode()
    for index in bytes.indices {
      _ = try? JobPiece.decode(Array(bytes[..<index]))
      for byte in [UInt8(0), 0x22, 0x2C, 0x39, 0x5B, 0x7D, 0xFF] {
        var changed = bytes
        changed[index] = byte
        if let piece = try? JobPiece.decode(changed) { #expect(piece.end >= piece.first) }
      }
    }
  }
}
