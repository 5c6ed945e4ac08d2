import GPT2
import Testing

@Suite struct VocabularySerializationTests {
  @Test func gpt2IsOneByte() throws {
    #expect(BPETokenizer.gpt2.serialized() == [0])
    #expect(try read([0]).encode("Hello, world!") == [15496, 11, 995, 0])
  }

  @Test func anotherVocabularyComesBackAsItWas() throws {
    let tokenizer = try TokenizerFixtures.small()
    let bytes = tokenizer.serialized()
    #expect(bytes.count < 8 * tokenizer.vocabularySize)
    let copy = try read(bytes)
    #expect(copy.vocabularySize == tokenizer.vocabularySize)
    #expect(copy.endOfTextID == tokenizer.endOfTextID)
    #expect(copy.serialized() == bytes)
    for id in 0..<Int32(tokenizer.vocabularySize) { #expect(copy.bytes(of: id) == tokenizer.bytes(of: id)) }
    for vector in try TokenizerFixtures.vectors("small/vectors.bin") {
      #expect(copy.encode(vector.text) == vector.ids)
    }
  }

  @Test func aCutOrLongerFormIsAnError() throws {
    let bytes = try TokenizerFixtures.small().serialized()
    for count in 0..<bytes.count {
      #expect(throws: GPT2Error.self) { try read(Array(bytes[..<count])) }
    }
    #expect(throws: GPT2Error.self) { try read(bytes + [0]) }
    #expect(throws: GPT2Error.self) { try read([0, 0]) }
  }

  @Test func anUnknownKindIsAnErrorThatNamesIt() {
    let error = #expect(throws: GPT2Error.self) { try read([7]) }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains("7") == true)
  }

  @Test func damageIsAnErrorOrAnotherVocabularyButNeverATrap() throws {
    let bytes = try TokenizerFixtures.small().serialized()
    var numbers = SeededNumbers(state: 9)
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &numbers) {
        damaged[Int.random(in: 1..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
      }
      guard let tokenizer = try? read(damaged) else { continue }
      let ids = tokenizer.encode("Don't trap, 你好!")
      #expect(ids.allSatisfy { tokenizer.bytes(of: $0) != nil })
    }
  }

  @Test func tokensThatDoubleAndDoubleAreRefusedBeforeTheyFillTheMemory() {
    // All bytes, then merge after merge of the newest token with itself.
    var bytes: [UInt8] = [1, 0xE8, 0x07]
    for id in 0..<256 { bytes += id < 128 ? [UInt8(id)] : [UInt8(id & 0x7F) | 0x80, 1] }
    bytes += [0, 40]
    for step in 0..<40 {
      let part = step == 0 ? 0 : 255 + step
      let number = part < 128 ? [UInt8(part)] : [UInt8(part & 0x7F) | 0x80, UInt8(part >> 7)]
      bytes += number + number + (step == 0 ? [0x80, 0x04] : [0])
    }
    bytes += [0]
    let error = #expect(throws: GPT2Error.self) { try read(bytes) }
    #expect(error?.message.contains("bytes long") == true)
  }

  private func read(_ bytes: [UInt8]) throws -> BPETokenizer {
    try bytes.withUnsafeBytes { try BPETokenizer(serialized: $0) }
  }
}
