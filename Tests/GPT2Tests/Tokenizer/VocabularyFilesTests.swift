import Foundation
import GPT2
import Testing

/// A checkpoint directory's own `vocab.json` and `merges.txt`.
@Suite struct VocabularyFilesTests {
  @Test func idsAreThoseOfHuggingFaceForTheSameFiles() throws {
    let tokenizer = try TokenizerFixtures.small()
    #expect(tokenizer.vocabularySize == 640)
    #expect(tokenizer.endOfTextID == 0)
    for vector in try TokenizerFixtures.vectors("small/vectors.bin") {
      #expect(tokenizer.encode(vector.text) == vector.ids, "\(vector.text.debugDescription)")
      #expect(try tokenizer.decodeText(vector.ids) == vector.text)
    }
  }

  @Test func aTokenizerFileSaysTheSameAsTheTwoFiles() throws {
    let tokenizer = try BPETokenizer(tokenizerJSON: TokenizerFixtures.bytes("small/tokenizer.json"))
    #expect(try tokenizer.serialized() == TokenizerFixtures.small().serialized())
  }

  @Test(arguments: [
    ("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "Unigram"),
    ("\"add_prefix_space\":false", "\"add_prefix_space\":true", "add_prefix_space"),
    ("\"use_regex\":true", "\"use_regex\":false", "use_regex"),
    ("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}", "NFC"),
    ("\"ignore_merges\":false", "\"ignore_merges\":true", "ignore_merges"),
    ("\"vocab\"", "\"words\"", "damaged"),
  ])
  func aTokenizerFileThatIsNotGPT2sWayIsRefused(old: String, new: String, word: String) throws {
    let file = String(decoding: try TokenizerFixtures.bytes("small/tokenizer.json"), as: UTF8.self)
    #expect(file.contains(old))
    let changed = file.replacingOccurrences(of: old, with: new)
    let error = #expect(throws: GPT2Error.self) { try BPETokenizer(tokenizerJSON: Array(changed.utf8)) }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains(word) == true)
  }

  @Test func theFilesOfGPT2GiveTheBuiltInTokenizer() throws {
    let gpt2 = BPETokenizer.gpt2
    let slow = SlowMerger()
    var vocabulary: [String: Int] = [:]
    var merges = "#version: 0.2\n"
    for id in 0..<Int32(gpt2.vocabularySize) {
      let bytes = try #require(gpt2.bytes(of: id))
      vocabulary[written(bytes)] = Int(id)
      if 256..<50256 ~= id {
        merges += slow.merge(bytes, downTo: 2).map(written).joined(separator: " ") + "\n"
      }
    }
    let tokenizer = try BPETokenizer(
      vocabularyJSON: [UInt8](JSONEncoder().encode(vocabulary)), merges: Array(merges.utf8))
    #expect(tokenizer.serialized() == [0])
    #expect(tokenizer.encode("Every effort moves you") == [6109, 3626, 6100, 345])
  }

  @Test func addedTokensAreDecodedButNeverEncodedTo() throws {
    var files = SmallFiles()
    files.tokens["xy"] = 300
    files.tokens["<pad here>"] = 302
    let tokenizer = try files.tokenizer()
    #expect(tokenizer.vocabularySize == 303)
    #expect(try tokenizer.decodeText([300, 302]) == "xy<pad here>")
    #expect(tokenizer.encode("xy") == tokenizer.encode("x") + tokenizer.encode("y"))
    #expect(throws: GPT2Error.self) { try tokenizer.decode([301]) }
    #expect(tokenizer.endOfTextID == nil)
  }

  @Test func aTokenOutOfReachOfTheMergesIsNotFoundAsAWholePieceEither() throws {
    var files = SmallFiles()
    // `ab` is made first, so that `abc` by way of `bc` never comes about.
    for (id, token) in ["ab", "bc", "abc"].enumerated() { files.tokens[token] = 256 + id }
    files.merges = "a b\nb c\na bc\n"
    #expect(try files.tokenizer().encode("abc") == [256, Int32(files.tokens["c"] ?? 0)])
  }

  @Test func windowsLineEndsAndMissingVersionLinesAreAccepted() throws {
    var files = SmallFiles()
    files.tokens["ab"] = 256
    for merges in ["a b\r\n", "#version: 0.2\r\na b", "a b", "\na b\n\n"] {
      files.merges = merges
      #expect(try files.tokenizer().encode("ab") == [256])
    }
  }

  @Test(arguments: [
    ("a b\n", "merges.txt, line 1"), ("#version: 0.2\na b c\n", "merges.txt, line 2"),
    ("\n\nab\n", "merges.txt, line 3"), ("a 你\n", "merges.txt, line 1"),
  ])
  func anErrorInTheMergesNamesItsLine(merges: String, place: String) {
    var files = SmallFiles()
    files.merges = merges
    let error = #expect(throws: GPT2Error.self) { try files.tokenizer() }
    #expect(error?.code == .corruptFile)
    #expect(error?.message.contains(place) == true)
  }

  @Test func contradictionsInTheVocabularyAreErrors() throws {
    var missing = SmallFiles()
    missing.tokens["Ġ"] = nil
    let error = #expect(throws: GPT2Error.self) { try missing.tokenizer() }
    #expect(error?.message.contains("byte 32") == true)

    for (token, id) in [("xy", 5), ("xy", -1), ("xy", 1 << 20), ("xy", .max), ("", 300)] {
      var files = SmallFiles()
      files.tokens[token] = id
      #expect(throws: GPT2Error.self) { try files.tokenizer() }
    }
  }

  @Test(arguments: ["", "{", "[]", "{}", "{\"a\": \"b\"}", "{\"a\": 1.5}", "{\"a\": null}", "\u{FEFF}"])
  func whatIsNoVocabularyIsAnError(json: String) {
    #expect(throws: GPT2Error.self) {
      try BPETokenizer(vocabularyJSON: Array(json.utf8), merges: [])
    }
  }
}

/// The files of a vocabulary that has only bytes, in the order of their values.
private struct SmallFiles {
  var tokens: [String: Int] = [:]
  var merges = ""

  init() {
    for byte in UInt8.min...UInt8.max { tokens[written([byte])] = Int(byte) }
  }

  func tokenizer() throws -> BPETokenizer {
    try BPETokenizer(vocabularyJSON: [UInt8](JSONEncoder().encode(tokens)), merges: Array(merges.utf8))
  }
}

/// OpenAI's `bytes_to_unicode`.
private func written(_ bytes: [UInt8]) -> String {
  var scalars = String.UnicodeScalarView()
  for byte in bytes {
    let isPlain = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
    let before: UInt32 =
      switch byte {
      case 0...32: UInt32(byte)
      case 127...160: UInt32(byte) - 127 + 33
      default: 67
      }
    scalars.append(Unicode.Scalar(isPlain ? UInt32(byte) : 256 + before) ?? "?")
  }
  return String(scalars)
}
