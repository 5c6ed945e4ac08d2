import FoundationEssentials
import GPT2
import Testing

@Suite("Mapped files")
struct MappedFileTests {
  @Test("the bytes are those of the file, also after their pages were let go")
  func bytesAreThoseOfTheFile() throws {
    let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let file = try TemporaryFile(content)
    let mapped = try MappedFile(path: file.path)
    #expect(mapped.count == content.count)
    #expect(mapped.withBytes { Array($0) } == content)
    mapped.drop(0..<mapped.count)
    mapped.drop(5..<17)
    mapped.drop(-10..<1 << 40)
    #expect(mapped.withBytes { Array($0) } == content)
  }

  @Test("a file that is replaced stays as it was mapped")
  func replacement() throws {
    let file = try TemporaryFile([1, 2, 3])
    let mapped = try MappedFile(path: file.path)
    try Data([4, 5]).write(to: URL(filePath: file.path), options: .atomic)
    #expect(mapped.withBytes { Array($0) } == [1, 2, 3])
  }
}
