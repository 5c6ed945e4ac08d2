import Foundation
import ServiceUnderTest
import Testing

/// `gpt2 classify --csv` with files as people have them.
@Suite(.serialized, .timeLimit(.minutes(3))) struct CommandLineClassifyTests {
  private static let prize = "WINNER!! Claim your \"free\" prize now, call 09061701461"

  private static func quoted(_ text: String) -> String {
    "\"" + text.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
  }

  @Test func aFileOfTextsGetsLabelsInTheOrderOfItsRows() async throws {
    let rows = (0..<300).map {
      $0 % 4 == 0 ? "\($0),\(Self.quoted(Self.prize))" : "\($0),\"See you at\r\nhome, mum \($0)\""
    }
    let run = try await Program.run(
      ["classify", "--csv", "-", "--column", "text"],
      input: "\u{FEFF}id,text\r\n" + rows.joined(separator: "\r\n"))
    #expect(run.status == 0, "\(run.errors)")
    var output = run.output[...]
    #expect(output.hasPrefix("\u{FEFF}id,text,label,score\r\n"))
    output = output.drop { $0 != "\r\n" }.dropFirst()
    for (number, row) in rows.enumerated() {
      let label = number % 4 == 0 ? "spam" : "not spam"
      try #require(output.hasPrefix(row + ",\(label),0."), "row \(number): \(output.prefix(150))")
      output = output.dropFirst(row.count).drop { $0 != "\r\n" }.dropFirst()
    }
    #expect(output.isEmpty)
    #expect(run.errors.contains("300 rows labelled: 225 not spam, 75 spam"), "\(run.errors)")
  }

  @Test func aLabelIsTheSameAloneAndInAFile() async throws {
    let alone = try await Program.run(["classify", Self.prize])
    #expect(alone.output == "spam\n")
    let file = try await Program.run(
      ["classify", "--csv", "-", "--all-scores"], input: "text\n" + Self.quoted(Self.prize) + "\n")
    #expect(file.output.hasPrefix("text,label,score_not_spam,score_spam\n"))
    #expect(file.output.contains(",spam,0.0"))
    let dash = try await Program.run(["classify", "-"], input: Self.prize + "\n")
    #expect(dash.output == "spam\n")
  }

  @Test func badRowsAreNamedByLineAndTellInTheExitStatus() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).csv").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let run = try await Program.run(
      ["classify", "--csv", "-", "--column", "2", "--output", path], input: "id,text\n1,hello\n2\n3,\n4,bye\n"
    )
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains("line 3:"))
    #expect(run.errors.contains("line 4:"))
    let written = try String(contentsOfFile: path, encoding: .utf8)
    #expect(written.split(separator: "\n").map { $0.prefix(7) } == ["id,text", "1,hello", "3,,,", "4,bye,n"])
  }

  @Test(arguments: [
    (["--csv", "/nowhere.csv"], 1, "/nowhere.csv"),
    (["--csv", "-", "--column", "nope"], 64, "\"a\", \"b\" and 1 to 2"),
    (["--csv", "-", "--column", "0"], 64, "1 to 2"), (["--csv", "-"], 64, "--column"),
    (["--csv", "-", "--output", "/nowhere/x.csv"], 1, "/nowhere/x.csv"),
  ])
  func whatCannotBeDoneIsSaid(arguments: [String], status: Int32, named: String) async throws {
    let run = try await Program.run(["classify"] + arguments, input: "a,b\n1,2\n")
    #expect(run.status == status)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains(named), "\(run.errors)")
  }

  @Test func onATerminalABarShowsHowFarItIsAndASignalEndsItAfterAWholeRow() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (input, output) = (folder.appending(path: "in.csv").path, folder.appending(path: "out.csv").path)
    let rows = String(repeating: "See you at home, and bring the blue book with you\n", count: 100_000)
    try ("text\n" + rows.replacing(",", with: "")).write(toFile: input, atomically: true, encoding: .utf8)
    let terminal = try PseudoTerminal()
    let program = try terminal.start(["classify", "--csv", input, "--output", output])
    #expect(await terminal.waits { $0.contains(" % ") && $0.contains(" rows, ") })
    kill(program.pid, SIGINT)
    #expect(program.wait() == 130)
    let written = try String(contentsOfFile: output, encoding: .utf8)
    #expect(written.hasSuffix("\n"))
    #expect(written.split(separator: "\n").dropFirst().allSatisfy { $0.contains(",not spam,0.") })
    #expect((2..<100_001).contains(written.split(separator: "\n").count))
  }
}
