import Foundation
import Testing

@testable import GPT2

@Suite struct ModelCacheTests {
  private let directory: TemporaryDirectory
  private let checkpoint: String
  private let cache: ModelCache

  init() throws {
    directory = try TemporaryDirectory()
    checkpoint = directory.path("model.pth")
    try FileManager.default.copyItem(atPath: CheckpointFixture.path("hf-state-dict.pth"), toPath: checkpoint)
    cache = ModelCache(directory: directory.path("cache/models"))
  }

  private var options: ModelCache.Options {
    var options = ModelCache.Options()
    options.overrides.heads = 3
    return options
  }

  /// Loads the model; whether that took a conversion.
  private func load(_ options: ModelCache.Options? = nil) throws -> (model: Model, converted: Bool) {
    var converted = false
    let model = try cache.model(at: checkpoint, options: options ?? self.options) { event in
      if case .progress = event { converted = true }
    }
    return (model, converted)
  }

  @Test func aCheckpointIsConvertedOnceAndMappedFromThenOn() throws {
    #expect(try load().converted)
    let second = try load()
    #expect(!second.converted)
    #expect(second.model.quantization == .int8)
  }

  @Test func anotherQuantizationIsAnotherFile() throws {
    _ = try load()
    var f32 = options
    f32.quantization = .f32
    let other = try load(f32)
    #expect(other.converted)
    #expect(other.model.quantization == .f32)
    #expect(try !load().converted)
  }

  @Test func aCheckpointThatChangedIsConvertedAgain() throws {
    _ = try load()
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: checkpoint)
    #expect(try load().converted)
  }

  @Test func aDamagedFileInTheCacheIsReplaced() throws {
    _ = try load()
    let converted = try cache.path(for: checkpoint, options: options)
    try Data("rubbish".utf8).write(to: URL(filePath: converted))
    #expect(try load().converted)
  }

  @Test func severalThatStartAtOnceConvertOnce() async throws {
    let (cache, checkpoint, options) = (cache, checkpoint, options)
    let conversions = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var converted = false
          _ = try cache.model(at: checkpoint, options: options) { event in
            if case .progress = event { converted = true }
          }
          return converted
        }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(conversions == 1)
  }

  @Test func aModelFileIsMappedWhereItIs() throws {
    let output = directory.path("model.gpt2")
    try ModelCache.convert(checkpoint, to: output, options: options)
    let model = try cache.model(at: output)
    #expect(model.metadata.name == "model.pth")
    #expect(!FileManager.default.fileExists(atPath: cache.directory))
  }

  @Test func aFolderThatCanNotBeMadeIsNamed() throws {
    let cache = ModelCache(directory: checkpoint + "/below-a-file")
    let error = #expect(throws: GPT2Error.self) { try cache.model(at: checkpoint, options: options) }
    #expect(error?.message.contains("MODEL_CACHE_DIR") == true)
  }

  @Test func aMissingCheckpointIsNamed() throws {
    let error = #expect(throws: GPT2Error.self) { try cache.model(at: "/nowhere/x.pth") }
    #expect(error?.code == .fileUnreadable)
    #expect(error?.message.contains("/nowhere/x.pth") == true)
  }
}
