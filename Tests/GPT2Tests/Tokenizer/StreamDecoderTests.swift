import GPT2
import Testing

@Suite struct StreamDecoderTests {
  let tokenizer = BPETokenizer.gpt2

  @Test func allDeltasTogetherAreTheDecodedText() throws {
    var numbers = SeededNumbers(state: 11)
    for round in 0..<600 {
      // Ids of 0 to 255 are single bytes: with few others between, most sequences are broken.
      let highest: Int32 = round % 2 == 0 ? 255 : 50256
      let ids = (0..<20).map { _ in Int32.random(in: 0...highest, using: &numbers) }
      var decoder = StreamDecoder(tokenizer: tokenizer)
      var text = ""
      for id in ids { text += try decoder.append(id).text }
      text += decoder.finish()
      #expect(try Array(text.utf8) == Array(tokenizer.decodeText(ids).utf8))
    }
  }

  @Test func validTextComesInWholeCharacters() throws {
    for vector in try TokenizerFixtures.vectors("gpt2-vectors.bin").prefix(1500) {
      guard !vector.text.unicodeScalars.contains("\u{FFFD}") else { continue }
      var decoder = StreamDecoder(tokenizer: tokenizer)
      var text = ""
      for id in vector.ids {
        let delta = try decoder.append(id).text
        #expect(!delta.unicodeScalars.contains("\u{FFFD}"))
        text += delta
      }
      #expect(decoder.finish() == "")
      #expect(text.utf8.elementsEqual(vector.text.utf8))
    }
  }

  @Test func aCharacterIsGivenOutWithItsLastByte() throws {
    var decoder = StreamDecoder(tokenizer: tokenizer)
    #expect(try deltas(of: &decoder, bytes: Array("a😀b".utf8)) == ["a", "", "", "", "😀", "b"])
  }

  @Test func aSequenceThatCannotBecomeValidIsReplacedAtOnce() throws {
    var decoder = StreamDecoder(tokenizer: tokenizer)
    // F0 80 is no beginning of a character; E4 is one, which the `a` breaks off.
    #expect(
      try deltas(of: &decoder, bytes: [0xF0, 0x80, 0xE4, 0x61, 0xE4]) == [
        "", "\u{FFFD}\u{FFFD}", "", "\u{FFFD}a", "",
      ])
    #expect(decoder.finish() == "\u{FFFD}")
  }

  @Test func aStopStringIsFoundAcrossTokensAndNeverShown() throws {
    var decoder = StreamDecoder(tokenizer: tokenizer, stop: ["\nUser:"])
    var text = ""
    var stopped = false
    for id in tokenizer.encode("Fine.\n\nUser: more") where !stopped {
      let output = try decoder.append(id)
      text += output.text
      stopped = output.stopped
    }
    #expect(stopped)
    #expect(text == "Fine.\n")
    #expect(decoder.finish() == "")
    #expect(try decoder.append(15496) == .init(text: "", stopped: true))
  }

  @Test func theBeginningOfAStopStringIsHeldBackUntilItIsNone() throws {
    var decoder = StreamDecoder(tokenizer: tokenizer, stop: ["abc"])
    #expect(try deltas(of: &decoder, bytes: Array("xababd".utf8)) == ["x", "", "", "ab", "", "abd"])
    #expect(decoder.finish() == "")
    _ = try deltas(of: &decoder, bytes: Array("ab".utf8))
    #expect(decoder.finish() == "ab")
  }

  @Test func theStopStringThatIsCompleteFirstWinsWhateverTheTokens() throws {
    var numbers = SeededNumbers(state: 5)
    for _ in 0..<800 {
      let text = (0..<24).map { _ in ["a", "b", "é"].randomElement(using: &numbers) ?? "" }.joined()
      let stops = (0..<Int.random(in: 1...3, using: &numbers)).map { _ in
        (0..<Int.random(in: 2...5, using: &numbers)).map { _ in
          ["a", "b", "é"].randomElement(using: &numbers) ?? ""
        }.joined()
      }
      let expected = cut(text, stops)
      for ids in [tokenizer.encode(text), text.utf8.flatMap { tokenizer.merge([$0]) }] {
        var decoder = StreamDecoder(tokenizer: tokenizer, stop: stops)
        var found = ""
        for id in ids {
          let output = try decoder.append(id)
          found += output.text
          if output.stopped { break }
        }
        found += decoder.finish()
        #expect(found == expected, "\(text) \(stops)")
      }
    }
  }

  @Test func emptyStopStringsAreIgnored() throws {
    var decoder = StreamDecoder(tokenizer: tokenizer, stop: [""])
    #expect(try decoder.append(15496) == .init(text: "Hello", stopped: false))
  }

  @Test func anUnknownIdIsAnError() {
    var decoder = StreamDecoder(tokenizer: tokenizer)
    #expect(throws: GPT2Error.self) { try decoder.append(50257) }
  }

  /// The slow twin: the shortest prefix that ends with a stop string, without the longest of these.
  private func cut(_ text: String, _ stops: [String]) -> String {
    for end in text.indices {
      let prefix = text[...end]
      let found = stops.filter { prefix.hasSuffix($0) }.map(\.count).max()
      if let found { return String(prefix.dropLast(found)) }
    }
    return text
  }

  private func deltas(of decoder: inout StreamDecoder, bytes: [UInt8]) throws -> [String] {
    var deltas: [String] = []
    for byte in bytes {
      for id in tokenizer.merge([byte]) { deltas.append(try decoder.append(id).text) }
    }
    return deltas
  }
}
