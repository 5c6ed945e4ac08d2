import FoundationEssentials
import GPT2
import Testing

/// Damaged files give errors or other numbers, never a trap: one would end the whole test run here. Few
/// rounds, as unoptimized builds are slow; the seeds decide which.
@Suite("Damaged checkpoints")
struct CheckpointFuzzTests {
  static let files = ["dtypes.pth", "hf-base.safetensors", "raschka-legacy.pth", "nanogpt.pt"]

  /// Opens and reads everything, as `inspect` and a conversion do.
  private func exercise(_ bytes: [UInt8], at path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
    do throws(GPT2Error) {
      let file = try CheckpointFile.open(path: path)
      for tensor in file.tensors where tensor.count < 1 << 16 {
        _ = checkpointError { try tensor.bytes() }
        _ = checkpointError { try tensor.floats() }
      }
      let checkpoint = try GPT2Checkpoint(path: path, overrides: .init(heads: 3))
      for tensor in CheckpointFixture.allTensors(layers: checkpoint.config.layers) {
        _ = checkpointError { try checkpoint.values(of: tensor) }
      }
    } catch {
      #expect(!error.message.isEmpty)
    }
  }

  @Test("a file cut anywhere is an error", arguments: files)
  func truncation(name: String) throws {
    let bytes = try CheckpointFixture.data(name)
    let scratch = try TemporaryFile([])
    for length in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 100)) {
      try Data(bytes.prefix(length)).write(to: URL(filePath: scratch.path))
      #expect(checkpointError { try CheckpointFile.open(path: scratch.path) } != nil, "\(length)")
    }
  }

  @Test("flipped bits do not trap", arguments: files)
  func flips(name: String) throws {
    let bytes = try CheckpointFixture.data(name)
    let scratch = try TemporaryFile([])
    var generator = SplitMix(seed: 7)
    for _ in 0..<60 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        damaged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      try exercise(damaged, at: scratch.path)
    }
  }

  @Test("a damaged pickle without a checksum does not trap")
  func damagedPickles() throws {
    for name in ["dtypes.pth", "raschka-training.pth", "hf-container.pth"] {
      // 0 in the directory says that the writer computed no checksum, so that the damage reaches the machine.
      var bytes = try CheckpointFixture.data(name)
      let signature: [UInt8] = [0x50, 0x4B, 1, 2]
      let entry = try #require(bytes.indices.first { bytes[$0...].starts(with: signature) })
      bytes.replaceSubrange(entry + 16..<entry + 20, with: [0, 0, 0, 0])
      let start = 64
      let end = try #require(
        bytes.indices.first { $0 > start && bytes[$0...].starts(with: [0x50, 0x4B, 7, 8] as [UInt8]) })
      let scratch = try TemporaryFile([])
      var generator = SplitMix(seed: 11)
      for _ in 0..<60 {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let place = Int.random(in: start..<end, using: &generator)
          damaged[place] =
            [0x71, 0x68, 0x28, 0x74, 0x52, 0x51, 0x62, 0x75, 0xFF, 0].randomElement(using: &generator) ?? 0
        }
        try exercise(damaged, at: scratch.path)
      }
    }
  }
}
