import FoundationEssentials
import Glibc
import Observability
import Testing

/// What a process tells of itself.
@Suite struct ProcessReadingTests {
  @Test("CPU time, memory and files are those of this process")
  func reading() throws {
    let before = ProcessReading()
    var state: UInt64 = 1
    for _ in 0..<10_000_000 { state = state &* 6_364_136_223_846_793_005 &+ 1 }
    #expect(state != 0)
    let block = [UInt8](repeating: 1, count: 64 << 20)
    let files = (0..<20).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
    defer { for file in files { close(file) } }
    let after = ProcessReading()
    #expect(block.count == 64 << 20 && !files.contains(-1))
    #expect(after.cpuSeconds > before.cpuSeconds)
    // Other tests may free and close some of theirs meanwhile.
    #expect(try #require(after.residentBytes) > 64 << 20)
    #expect(try #require(after.openFiles) >= 20)
    #expect(try #require(after.maxFiles) >= #require(after.openFiles))
  }

  @Test("The process started before now, and not long ago")
  func startTime() throws {
    let start = try #require(ProcessReading.startTime())
    let now = Date().timeIntervalSince1970
    #expect(start <= now + 1)
    #expect(start > now - 7 * 86400)
  }

  @Test("The start is found whatever the program is called")
  func programNames() {
    let rest = " S 1 2 3 4 -1 5 6 7 8 9 10 11 12 13 20 0 4 0 98765 1000000 250"
    #expect(ProcessReading.startTicks(stat: "42 (gpt2)" + rest) == 98765)
    #expect(ProcessReading.startTicks(stat: "42 (a b) R 1 (2)" + rest) == 98765)
    #expect(ProcessReading.startTicks(stat: "42 (gpt2) S 1") == nil)
    #expect(ProcessReading.startTicks(stat: "") == nil)
  }

  @Test("Room for files and the limit of files are found by their names")
  func files() {
    let status = "Name:\tgpt2\nFDSize:\t256\nGroups:\t0 1\n"
    #expect(ProcessReading.fileSlots(status: status) == 256)
    #expect(ProcessReading.fileSlots(status: "Name:\tFDSize:\n") == nil)
    let limits = """
      Limit                     Soft Limit           Hard Limit           Units
      Max open files            1024                 524288               files
      Max locked memory         8388608              8388608              bytes
      """
    #expect(ProcessReading.maxFiles(limits: limits) == 1024)
    #expect(ProcessReading.maxFiles(limits: "Max open files  unlimited  unlimited  files") == nil)
  }

  @Test("Resident pages are the second number")
  func residentPages() {
    #expect(ProcessReading.residentPages(statm: "1000 250 30 4 0 500 0\n") == 250)
    #expect(ProcessReading.residentPages(statm: "1000") == nil)
    #expect(ProcessReading.residentPages(statm: "a b") == nil)
  }
}
