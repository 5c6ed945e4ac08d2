import GPT2
import Testing

/// Against ids that tiktoken gave.
@Suite struct BPETokenizerTests {
  let tokenizer = BPETokenizer.gpt2

  @Test func theExamplesOfTheDocumentationHoldTrue() {
    #expect(tokenizer.encode("Hello, world!") == [15496, 11, 995, 0])
    #expect(tokenizer.encode("Every effort moves you") == [6109, 3626, 6100, 345])
    #expect(tokenizer.encode("") == [])
  }

  @Test func endOfTextInATextIsPlainText() {
    #expect(tokenizer.encode("<|endoftext|>") == [27, 91, 437, 1659, 5239, 91, 29])
    #expect(tokenizer.endOfTextID == 50256)
    #expect(tokenizer.bytes(of: 50256) == Array("<|endoftext|>".utf8))
    #expect(tokenizer.vocabularySize == 50257)
  }

  @Test func idsAreThoseOfTiktokenAndDecodeToTheSameText() throws {
    let vectors = try TokenizerFixtures.vectors("gpt2-vectors.bin")
    #expect(vectors.count >= 2000)
    for vector in vectors {
      #expect(tokenizer.encode(vector.text) == vector.ids, "\(vector.text.debugDescription)")
      #expect(try tokenizer.decode(vector.ids) == Array(vector.text.utf8))
    }
  }

  @Test func textThatIsCanonicallyEquivalentKeepsItsOwnIds() throws {
    let composed = tokenizer.encode("caf\u{e9}")
    let decomposed = tokenizer.encode("cafe\u{301}")
    #expect(composed != decomposed)
    #expect(try Array(tokenizer.decodeText(decomposed).unicodeScalars) == Array("cafe\u{301}".unicodeScalars))
  }

  @Test func bytesAreEncodedAsTheirText() {
    #expect(tokenizer.encode(utf8: Array("naïve 你好".utf8)) == tokenizer.encode("naïve 你好"))
    #expect(tokenizer.encode(utf8: [0x61, 0xFF, 0xE4, 0xBD]) == tokenizer.encode("a\u{FFFD}\u{FFFD}"))
    #expect(tokenizer.encode(utf8: [UInt8]()[...]) == [])
  }

  @Test func everyTokenIsWhatItsOwnBytesMergeTo() {
    for id in 0..<Int32(50256) {
      guard let bytes = tokenizer.bytes(of: id) else {
        Issue.record("\(id) has no bytes")
        continue
      }
      let merged = tokenizer.merge(bytes)
      if merged != [id] { Issue.record("\(id) becomes \(merged)") }
    }
  }

  @Test func bothMergersAgreeWithTheSlowOne() {
    let slow = SlowMerger()
    var numbers = SeededNumbers(state: 7)
    let alphabets = ["aeinorst", "ab", "=-_*#", "0123456789", "éàüñ你好"].map { Array($0.utf8) }
    for _ in 0..<150 {
      let alphabet = alphabets.randomElement(using: &numbers) ?? []
      let length = Int.random(in: 1...100, using: &numbers)
      let piece = (0..<length).map { _ in alphabet.randomElement(using: &numbers) ?? 0 }
      let expected = slow.ids(piece)
      var long = tokenizer.longPieceMerger(piece)
      long.run()
      var ids: [Int32] = []
      long.append(to: &ids)
      #expect(tokenizer.merge(piece) == expected)
      #expect(ids == expected)
    }
  }

  @Test(arguments: [10_000, 20_000, 40_000])
  func theStepsForALongPieceAreProportionalToItsLength(length: Int) throws {
    var numbers = SeededNumbers(state: 3)
    for piece in [
      [UInt8](repeating: UInt8(ascii: "a"), count: length),
      (0..<length).map { _ in UInt8.random(in: 97...122, using: &numbers) },
    ] {
      var merger = tokenizer.longPieceMerger(piece)
      merger.run()
      var ids: [Int32] = []
      merger.append(to: &ids)
      #expect(try tokenizer.decode(ids) == piece)
      // A push for each of the n - 1 pairs and two for each merge; a pop for each push.
      #expect(merger.steps <= 6 * length)
    }
  }

  @Test func anyBytesDecodeAsPythonReplacesErrors() throws {
    let ids = (UInt8.min...UInt8.max).flatMap { tokenizer.merge([$0]) }
    #expect(ids.count == 256)
    for example in try TokenizerFixtures.replacements() {
      let text = try tokenizer.decodeText(example.bytes.map { ids[Int($0)] })
      #expect(Array(text.utf8) == Array(example.text.utf8), "\(example.bytes)")
    }
  }

  @Test(arguments: [-1, 50257, 50303, Int32.max, Int32.min])
  func anUnknownIdIsAnErrorThatNamesIt(id: Int32) {
    #expect(tokenizer.bytes(of: id) == nil)
    let error = #expect(throws: GPT2Error.self) { try tokenizer.decode([15496, id, 0]) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("\(id)") == true)
  }
}
