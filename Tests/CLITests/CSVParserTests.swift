import GPT2
import Testing

@testable import CLI

@Suite struct CSVParserTests {
  private static func parse(_ text: String, separator: CSVSeparator = .comma) throws -> [CSVRecord] {
    var parser = CSVParser(separator: separator.byte)
    return try parser.append(Array(text.utf8)) + parser.finish()
  }

  private static func fields(_ text: String, separator: CSVSeparator = .comma) throws -> [[String]] {
    try parse(text, separator: separator).map { $0.fields.map { String(decoding: $0, as: UTF8.self) } }
  }

  @Test(arguments: [
    ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
    ("a,b\nc,d", [["a", "b"], ["c", "d"]]),
    ("a,b\rc,d\r", [["a", "b"], ["c", "d"]]),
    ("\"a\",\"b,c\"\r\n", [["a", "b,c"]]),
    ("\"two\r\nlines\",x\n", [["two\r\nlines", "x"]]),
    ("\"say \"\"hi\"\"\",\"\"\"\"\n", [["say \"hi\"", "\""]]),
    (",\n", [["", ""]]), ("\"\"\n", [[""]]), ("a,\n", [["a", ""]]), ("", []),
    (" a , b \n", [[" a ", " b "]]),
    ("it's 5\" wide,x\n", [["it's 5\" wide", "x"]]),
    ("\n\r\n\na\n\n\nb\n\n", [["a"], ["b"]]),
    ("\u{FEFF}a,b\n", [["a", "b"]]), ("\u{FEFF}\"a,b\"\n", [["a,b"]]), ("\u{FEFF}", []),
    ("a\u{FEFF},b\n", [["a\u{FEFF}", "b"]]),
  ])
  func theFieldsAreThoseOfTheFormat(text: String, expected: [[String]]) throws {
    #expect(try Self.fields(text) == expected)
  }

  @Test func anotherSeparatorLeavesCommasAlone() throws {
    #expect(try Self.fields("a,b;c\n", separator: .semicolon) == [["a,b", "c"]])
    #expect(try Self.fields("a\tb;c\n", separator: .tab) == [["a", "b;c"]])
  }

  @Test func aRecordKnowsTheLineItBeginsOnAndItsBytes() throws {
    let text = "a,b\r\n\r\n\"1\n2\r\n3\",x\r\nlast,\"y\"\n"
    let records = try Self.parse(text)
    #expect(records.map(\.line) == [1, 3, 6])
    #expect(
      records.map { String(decoding: $0.raw, as: UTF8.self) } == ["a,b", "\"1\n2\r\n3\",x", "last,\"y\""])
    #expect(records.map(\.end) == [5, 19, 28])
  }

  @Test(arguments: [("a\r\nb\n", "\r\n"), ("a\nb\r\n", "\n"), ("a\rb\n", "\r"), ("\r\na\n", "\r\n")])
  func theFirstLineEndIsRemembered(text: String, lineEnd: String) throws {
    var parser = CSVParser()
    _ = try parser.append(Array(text.utf8))
    #expect(parser.lineEnd == Array(lineEnd.utf8))
  }

  @Test func aDamagedRecordIsMarkedAndTheNextOneIsRead() throws {
    let records = try Self.parse("\"a\"b,c\nd,e\n\"f,\ng,h\n")
    #expect(records.map(\.problem) == [.textAfterQuotes, nil, .openQuotes(lastLine: 4)])
    #expect(records.map(\.line) == [1, 2, 3])
  }

  @Test func aRecordWithoutEndIsGivenUp() throws {
    var parser = CSVParser(maxRecordBytes: 100)
    _ = try parser.append(Array("a,b\n\"".utf8))
    #expect(throws: CSVParser.Overflow(line: 2, limit: 100)) {
      for _ in 0..<20 { _ = try parser.append(Array("0123456789\n".utf8)) }
    }
  }

  @Test func anyCutIntoChunksGivesTheSameRecords() throws {
    var random = SplitMix64(seed: 7)
    let alphabet = Array("ab,;\"\"\"\r\n\r\n\né\u{FEFF}".utf8)
    for _ in 0..<2_000 {
      let count = Int.random(in: 0...40, using: &random)
      var bytes = (0..<count).map { _ in alphabet[Int.random(in: alphabet.indices, using: &random)] }
      if Bool.random(using: &random) { bytes = [0xEF, 0xBB, 0xBF] + bytes }
      var whole = CSVParser()
      let expected = try whole.append(bytes) + whole.finish()
      var cut = CSVParser()
      var records: [CSVRecord] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let size = Int.random(in: 1...rest.count, using: &random)
        records += try cut.append(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      records += cut.finish()
      #expect(records == expected)
      #expect(cut.lineEnd == whole.lineEnd)
      #expect(cut.hasByteOrderMark == whole.hasByteOrderMark)
    }
  }

  @Test(arguments: CSVSeparator.allCases) func whatIsWrittenIsReadAgain(separator: CSVSeparator) throws {
    var random = SplitMix64(seed: 11)
    let alphabet = ["a", "é", ",", ";", "\t", "\"", "\r", "\n", " "]
    for _ in 0..<500 {
      let fields = (0..<Int.random(in: 2...4, using: &random)).map { _ in
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
          alphabet[Int.random(in: alphabet.indices, using: &random)]
        }.joined()
      }
      let line = String(decoding: separator.appended(fields).dropFirst(), as: UTF8.self)
      #expect(try Self.fields(line + "\n", separator: separator) == [fields])
    }
  }
}
