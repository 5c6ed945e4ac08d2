import FoundationEssentials
import Testing

@testable import CLI

@Suite struct EnvironmentFileTests {
  private static func read(_ text: String) throws(FileFailure) -> [String: String] {
    try EnvironmentFile(bytes: Array(text.utf8), name: ".env").assignments.mapValues(\.value)
  }

  @Test(arguments: [
    ("API_KEY=abc", "abc"), ("export API_KEY=abc", "abc"), ("\texport\t API_KEY = abc \t", "abc"),
    ("API_KEY=\"abc\"", "abc"), ("API_KEY='abc'", "abc"), ("API_KEY=abc # x", "abc"),
    ("API_KEY=abc\t# x", "abc"), ("API_KEY=abc#x", "abc#x"), ("API_KEY=#x", "#x"), ("API_KEY= # x", ""),
    ("API_KEY=", ""), ("API_KEY=''", ""), ("API_KEY=\"a b\" # it's", "a b"),
    ("API_KEY=a=b \"c\"", "a=b \"c\""),
    ("API_KEY='a\\n\"$x# '", "a\\n\"$x# "), ("API_KEY=\"a\\n\\t\\\"\\\\\\$\\x' #\"", "a\n\t\"\\$\\x' #"),
    ("API_KEY=\"a\r\n  b\n\"", "a\n  b\n"), ("API_KEY=abc\r\n", "abc"), ("\u{FEFF}API_KEY=abc", "abc"),
    ("API_KEY=x\nAPI_KEY=abc\n", "abc"), ("# API_KEY=x\n\n \r\n  # y\nAPI_KEY=abc", "abc"),
  ])
  func aValueIsWhatOtherToolsRead(text: String, value: String) throws {
    #expect(try Self.read(text) == ["API_KEY": value])
  }

  @Test(arguments: [
    ("API_KEY", 1, "no assignment"), ("PORT=1\nexport API_KEY\n", 2, "no assignment"),
    ("\r\nAPI_KEY: abc\r\n", 2, "no assignment"), ("=abc", 1, "name"), ("1A=b", 1, "name"),
    ("set API_KEY=abc", 1, "name"), ("API KEY=abc", 1, "name"), ("API_KEY\u{A0}=abc", 1, "name"),
    ("A=\"x\ny\"\nAPI_KEY=\"abc\n\n", 3, "never closed"), ("API_KEY='abc'def", 1, "follows"),
    ("API_KEY=\"abc\"#x", 1, "follows"), ("api_key=abc", 1, "its name is API_KEY"),
    ("A=b\nexport Torch_Threads=2", 2, "its name is TORCH_THREADS"),
  ])
  func whatIsNoAssignmentIsNamedByItsLineAndNotQuoted(text: String, line: Int, reason: String) {
    let error = #expect(throws: FileFailure.self) { try Self.read(text) }
    #expect(error?.description.hasPrefix(".env line \(line): ") == true, "\(error?.description ?? "")")
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("abc") == false)
  }

  @Test func namesThatAreNoSettingsAreForOthers() throws {
    #expect(
      try Self.read("COMPOSE_FILE=a.yaml\nmy.own-name=1") == ["COMPOSE_FILE": "a.yaml", "my.own-name": "1"])
  }

  @Test func aFileThatIsNotThereIsEmptyAndOneThatCannotBeReadIsAnError() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "env-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(try EnvironmentFile(path: "\(folder)/.env").assignments.isEmpty)
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/link", withDestinationPath: "\(folder)/nowhere")
    for path in [folder, "\(folder)/link"] {
      let error = #expect(throws: FileFailure.self) { try EnvironmentFile(path: path) }
      #expect(error?.description.contains(path) == true)
    }
    let error = #expect(throws: FileFailure.self) { try EnvironmentFile(bytes: [0xFF, 0xFE], name: ".env") }
    #expect(error?.description.contains("UTF-8") == true)
  }
}
