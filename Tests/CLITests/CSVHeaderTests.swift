import Testing

@testable import CLI

@Suite struct CSVHeaderTests {
  private static func header(_ names: String...) throws -> CSVHeader {
    try CSVHeader(
      CSVRecord(line: 1, fields: names.map { Array($0.utf8) }, raw: [], problem: nil, end: 0))
  }

  @Test func aColumnIsFoundByNameOrByNumber() throws {
    let header = try Self.header("id", "body", "2")
    #expect(try header.index(of: "body") == 1)
    #expect(try header.index(of: "1") == 0)
    // A name comes first.
    #expect(try header.index(of: "2") == 2)
  }

  @Test func withoutAColumnItIsTheOnlyOneOrOneWithAUsualName() throws {
    #expect(try Self.header("body").index(of: nil) == 0)
    #expect(try Self.header("id", "Text").index(of: nil) == 1)
    #expect(try CSVHeader(count: 1).index(of: nil) == 0)
    #expect(throws: CSVHeader.UnknownColumn.self) { try CSVHeader(count: 2).index(of: nil) }
  }

  @Test(arguments: [nil, "nope", "0", "4", "-1", ""]) func aColumnThatIsNotThereNamesThoseThatAre(
    column: String?
  ) throws {
    let header = try Self.header("id", "body", "kind")
    let error = #expect(throws: CSVHeader.UnknownColumn.self) { try header.index(of: column) }
    let message = error?.description ?? ""
    #expect(message.contains("--column"))
    #expect(message.contains(#""id", "body", "kind" and 1 to 3"#), "\(message)")
  }

  @Test func aNameThatTwoColumnsHaveIsRefusedWithTheirNumbers() throws {
    let header = try Self.header("a", "b", "a")
    let error = #expect(throws: CSVHeader.UnknownColumn.self) { try header.index(of: "a") }
    #expect(error?.description.contains("1 or 3") == true)
  }

  @Test func newColumnsNeverTakeANameThatIsThere() throws {
    #expect(try Self.header("text").adding(["label", "score"]) == ["label", "score"])
    #expect(
      try Self.header("label", "label_2", "x").adding(["label", "score"]) == ["label_3", "score"])
  }

  @Test func aHeaderThatIsNoTextIsRefused() {
    let binary = CSVRecord(line: 1, fields: [[0xFF, 0xFE, 0x00]], raw: [], problem: nil, end: 0)
    let error = #expect(throws: FileFailure.self) { try CSVHeader(binary) }
    #expect(error?.description.contains("UTF-8") == true)
  }
}
