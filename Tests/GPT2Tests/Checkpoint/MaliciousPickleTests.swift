import FoundationEssentials
import GPT2
import Testing

/// Pickles no one would write by accident, as the object of a legacy file.
@Suite("Hostile pickles")
struct MaliciousPickleTests {
  private static let magic: [UInt8] = [
    0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  /// A legacy file: magic, version 1001, no system information, the object, no storages.
  private static func file(_ object: [UInt8]) -> [UInt8] {
    magic + [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E] + [0x80, 2, 0x7D, 0x2E] + [0x80, 2] + object
      + [0x2E, 0x80, 2, 0x5D, 0x2E]
  }

  private static func global(_ module: String, _ name: String) -> [UInt8] {
    [0x63] + Array("\(module)\n\(name)\n".utf8)
  }

  private static func text(_ string: String) -> [UInt8] {
    [0x58, UInt8(string.utf8.count), 0, 0, 0] + Array(string.utf8)
  }

  @Test("nesting of 200,000 levels, cycles and exponential sharing end with an error or an empty list")
  func nestingIsBounded() throws {
    // ((((…)))) by TUPLE1.
    #expect(try openingError(Self.file([0x29] + [UInt8](repeating: 0x85, count: 200_000))) != nil)
    // A list that holds itself.
    #expect(try openingError(Self.file([0x5D, 0x71, 0, 0x68, 0, 0x61])) != nil)
    // Each of 40 lists holds the one before twice: 2⁴⁰ paths.
    var sharing: [UInt8] = [0x5D, 0x71, 0]
    for level: UInt8 in 1...40 {
      sharing += [0x30, 0x5D, 0x71, level, 0x28, 0x68, level - 1, 0x68, level - 1, 0x65]
    }
    #expect(try openingError(Self.file(sharing)) != nil)
    // One list of 50,000 values, copied into 1,000 sets.
    var copies: [UInt8] = Self.global("builtins", "set") + [0x71, 0, 0x30, 0x5D, 0x71, 1, 0x28]
    copies += [UInt8](repeating: 0x4E, count: 50000) + [0x65, 0x85, 0x71, 2]
    for _ in 0..<1000 { copies += [0x30, 0x68, 0, 0x68, 2, 0x52] }
    #expect(try openingError(Self.file(copies))?.message.contains("copies too many") == true)
    // A module that is its own submodule.
    var module: [UInt8] = Self.global("m", "M") + [0x29, 0x81, 0x71, 0, 0x7D, 0x28]
    module += Self.text("_parameters") + [0x7D] + Self.text("_modules") + [0x7D]
    module += Self.text("self") + [0x68, 0, 0x73, 0x75, 0x62]
    #expect(try openingError(Self.file(module)) != nil)
  }

  @Test("stack and memo that do not add up are errors")
  func stackErrorsAreErrors() throws {
    let programs: [[UInt8]] = [
      [], [0x30], [0x74], [0x61], [0x73], [0x75], [0x62], [0x52], [0x81], [0x51], [0x85], [0x87], [0x71, 0],
      [0x68, 9], [0x28], [0x28, 0x28, 0x74], [0x4E, 0x28, 0x30], [0x4E, 0x4E], [0x4E, 0x29, 0x61],
      [0x29, 0x4E, 0x61],
      [0x7D, 0x4E, 0x61], [0x5D, 0x4E, 0x4E, 0x73], [0x7D, 0x28, 0x4E, 0x75], [0x4E, 0x52],
      [0x4E, 0x4E, 0x52],
      [0x4E, 0x51], [0x29, 0x51], [0x93], [0x4E, 0x4E, 0x93], [0x8A, 255], [0x58, 255, 255, 255, 255], [0x63],
      [0x63, 0x61], [0x80, 9], [0x49, 0x31, 0x0A], [0x8E, 255, 255, 255, 255, 255, 255, 255, 255],
      [0x95, 255, 255, 255, 255, 255, 255, 255, 127], [0x28, 0x71, 0], [0x28, 0x62], [0x28, 0x4E, 0x62],
    ]
    for program in programs {
      #expect(try openingError(Self.file(program))?.code == .corruptFile, "\(program)")
    }
  }

  @Test("tensors whose numbers overflow or reach outside their storage are errors")
  func tensorsOutsideTheirStorageAreErrors() throws {
    func tensor(offset: [UInt8], size: [[UInt8]], stride: [[UInt8]], count: [UInt8] = [0x4B, 4]) -> [UInt8] {
      let storage =
        [0x28] + Self.text("storage") + Self.global("torch", "FloatStorage") + Self.text("0")
        + Self.text("cpu") + count
        + [0x4E, 0x74, 0x51]
      let tuples = [[0x28], size.flatMap { $0 }, [0x74, 0x28], stride.flatMap { $0 }, [0x74]].flatMap {
        $0 as [UInt8]
      }
      return Self.global("torch._utils", "_rebuild_tensor_v2") + [0x28] + storage + offset + tuples
        + [0x89, 0x4E, 0x74, 0x52]
    }
    func file(_ object: [UInt8]) -> [UInt8] {
      let keys: [UInt8] = [0x80, 2, 0x5D] + Self.text("0") + [0x61, 0x2E]
      let storage: [UInt8] = [4, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 16)
      return Array(Self.file(object).dropLast(4)) + keys + storage
    }
    let zero: [UInt8] = [0x4B, 0]
    let one: [UInt8] = [0x4B, 1]
    let four: [UInt8] = [0x4B, 4]
    let huge: [UInt8] = [0x8A, 8, 255, 255, 255, 255, 255, 255, 255, 127]
    let negative: [UInt8] = [0x4A, 255, 255, 255, 255]
    let wide: [UInt8] = [0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    #expect(try openingError(file(tensor(offset: zero, size: [four], stride: [one]))) == nil)
    let wrong: [[UInt8]] = [
      tensor(offset: one, size: [four], stride: [one]), tensor(offset: zero, size: [four], stride: [four]),
      tensor(offset: zero, size: [huge], stride: [one]),
      tensor(offset: zero, size: [huge, huge], stride: [zero, zero]),
      tensor(offset: zero, size: [four], stride: [huge]), tensor(offset: huge, size: [one], stride: [one]),
      tensor(offset: negative, size: [one], stride: [one]),
      tensor(offset: four, size: [one], stride: [negative]),
      tensor(offset: zero, size: [negative], stride: [one]), tensor(offset: zero, size: [four], stride: []),
      tensor(offset: wide, size: [one], stride: [one]),
      tensor(offset: zero, size: [four], stride: [one], count: huge),
      tensor(offset: zero, size: [four], stride: [one], count: [0x4B, 5]),
      tensor(offset: zero, size: [zero, huge, huge], stride: [one, one, one]),
      tensor(offset: huge, size: [zero], stride: [one]),
    ]
    for object in wrong { #expect(try openingError(file(object)) != nil) }
    // Expanded far beyond the file: listed, but nothing is allocated for it.
    let expanded = tensor(offset: zero, size: [[0x8A, 5, 0, 0, 0, 0, 16]], stride: [zero])
    let temporary = try TemporaryFile(file(expanded))
    let opened = try CheckpointFile.open(path: temporary.path)
    #expect(opened.tensors.first?.shape == [1 << 36])
    #expect(checkpointError { try opened.floats(of: "tensor") }?.code == .corruptFile)
  }
}
