import FoundationEssentials
import Testing

@testable import CLI

@Suite struct OutputFileTests {
  /// A folder that goes with the test.
  private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "output-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String, _ text: String) throws -> String {
      try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
      return "\(path)/\(name)"
    }

    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }
  }

  @Test func whatTheFileHadIsReplaced() throws {
    let folder = try Folder()
    let input = try InputFile(path: folder.file("in", "x"))
    let output = try OutputFile(path: folder.file("out", "something long"), notOver: input)
    try output.write(Array("ab".utf8))
    try output.write(Array("c".utf8))
    #expect(try folder.text("out") == "abc")
  }

  @Test func theFileThatIsReadIsNeverWritten() throws {
    let folder = try Folder()
    let path = try folder.file("in", "precious")
    try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: path)
    for name in ["in", "link"] {
      let input = try InputFile(path: path)
      #expect(throws: FileFailure.self) { try OutputFile(path: "\(folder.path)/\(name)", notOver: input) }
    }
    #expect(try folder.text("in") == "precious")
  }

  @Test func aFileIsReadToItsEndAndKnowsItsSize() throws {
    let folder = try Folder()
    let text = String(repeating: "0123456789", count: 20_000)
    let input = try InputFile(path: folder.file("in", text))
    #expect(input.size == 200_000)
    var read: [UInt8] = []
    while let chunk = try input.read() { read += chunk }
    #expect(read == Array(text.utf8))
  }

  @Test func whatCannotBeOpenedReadOrWrittenIsNamed() throws {
    let folder = try Folder()
    let input = try InputFile(path: folder.file("in", ""))
    let failures = [
      #expect(throws: FileFailure.self) { try InputFile(path: "/nowhere/in") },
      #expect(throws: FileFailure.self) { try InputFile(path: folder.path).read() },
      #expect(throws: FileFailure.self) { try OutputFile(path: "/nowhere/out", notOver: input) },
      #expect(throws: FileFailure.self) { try OutputFile(path: "/dev/full", notOver: input).write([1]) },
    ]
    for (failure, name) in zip(failures, ["/nowhere/in", folder.path, "/nowhere/out", "/dev/full"]) {
      #expect(failure?.description.contains(name) == true)
    }
  }
}
