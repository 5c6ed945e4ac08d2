import GPT2
import Testing

/// Against pieces that Python's `regex` gave for GPT-2's pattern.
@Suite struct PreTokenizerTests {
  @Test(arguments: [
    ("don't", ["don", "'t"]), ("DON'T", ["DON", "'", "T"]), ("it’s", ["it", "’", "s"]),
    ("'story", ["'s", "tory"]), (" 'story", [" '", "story"]), ("we'll've", ["we", "'ll", "'ve"]),
    ("'", ["'"]), ("'l", ["'", "l"]), ("x'r", ["x", "'", "r"]), ("''s", ["''", "s"]),
  ])
  func contractionsBeginAtAnApostropheOfTheirOwn(text: String, pieces: [String]) {
    #expect(self.pieces(text) == pieces)
  }

  @Test(arguments: [
    ("a\tb", ["a", "\t", "b"]), ("a  b", ["a", " ", " b"]), ("a\n\nb", ["a", "\n", "\n", "b"]),
    ("a \nb", ["a", " ", "\n", "b"]), ("a  ", ["a", "  "]), ("   a", ["  ", " a"]), (" ", [" "]),
    ("a\r\nb", ["a", "\r", "\n", "b"]), ("a\u{3000}\u{3000}b", ["a", "\u{3000}", "\u{3000}", "b"]),
    ("a \u{a0}b", ["a", " ", "\u{a0}", "b"]), ("a\u{200b}b", ["a", "\u{200b}", "b"]), ("", []),
  ])
  func spacesLeaveTheirLastScalarToTheNextPiece(text: String, pieces: [String]) {
    #expect(self.pieces(text) == pieces)
  }

  @Test(arguments: [
    ("e\u{301}t", ["e", "\u{301}", "t"]), ("x²y", ["x", "²", "y"]), ("Ⓐ一", ["Ⓐ", "一"]),
    ("ab12!?", ["ab", "12", "!?"]), (" ١٢ ab", [" ١٢", " ab"]), ("👩‍🚀!", ["👩‍🚀!"]),
  ])
  func classesAreThoseOfScalarsAndNotOfCharacters(text: String, pieces: [String]) {
    #expect(self.pieces(text) == pieces)
  }

  @Test func thePiecesJoinWithoutGaps() throws {
    for vector in try TokenizerFixtures.vectors("gpt2-vectors.bin") {
      #expect(pieces(vector.text).joined().utf8.elementsEqual(vector.text.utf8))
    }
  }

  @Test func bytesThatAreNoTextAreNotReadPastTheirEnd() {
    for bytes: [UInt8] in [[0xF0], [0xE4, 0xBD], [0x20, 0xF4, 0x8F], [0xFF, 0xFF], [0x27, 0xC3]] {
      bytes.withUnsafeBufferPointer {
        var scanner = PreTokenizer($0)
        var end = 0
        while let range = scanner.next() {
          #expect(range.lowerBound == end && range.upperBound > end)
          end = range.upperBound
        }
        #expect(end == bytes.count)
      }
    }
  }

  private func pieces(_ text: String) -> [String] {
    var text = text
    return text.withUTF8 { utf8 in
      var scanner = PreTokenizer(utf8)
      var pieces: [String] = []
      while let range = scanner.next() {
        pieces.append(String(decoding: utf8[range], as: UTF8.self))
      }
      return pieces
    }
  }
}
