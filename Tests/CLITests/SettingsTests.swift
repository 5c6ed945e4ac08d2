import ArgumentParser
import FoundationEssentials
import Testing

@testable import CLI

@Suite struct SettingsTests {
  @Test func anOptionWinsOverTheEnvironmentAndThatOverTheDefault() async throws {
    let environment = ["MAX_BATCH": "7", "PORT": "9000"]
    let settings = try Settings(options: [.port: "9001"], environment: environment)
    #expect(settings.string(.port) == "9001")
    #expect(settings.string(.maxBatch) == "7")
    #expect(settings.string(.threads) == "auto")
  }

  @Test func anEmptyValueCountsAsNotGiven() async throws {
    let settings = try Settings(options: [:], environment: ["API_KEY": "", "PORT": ""])
    #expect(settings.given(.apiKey) == nil)
    #expect(settings.string(.port) == "8080")
  }

  @Test func theNamesOfTheOldServiceWork() async throws {
    let environment = [
      "CKPT_PATH": "m.pth", "MODEL_NAME": "gpt2-medium", "TORCH_THREADS": "3", "MAX_CTX": "128",
      "API_KEY": "k",
    ]
    let settings = try Settings(options: [:], environment: environment)
    #expect(settings.given(.ckptPath) == "m.pth")
    #expect(settings.string(.modelName) == "gpt2-medium")
    #expect(settings.string(.threads) == "3")
    #expect(settings.string(.maxCtx) == "128")
    #expect(settings.given(.apiKey) == "k")
  }

  @Test func itsOwnNameWinsOverTheOldOne() async throws {
    let settings = try Settings(options: [:], environment: ["THREADS": "2", "TORCH_THREADS": "3"])
    #expect(settings.string(.threads) == "2")
  }

  @Test func aValueOutOfRangeNamesTheSettingAndWhatIsAllowed() async throws {
    let settings = try Settings(
      options: [:],
      environment: ["THREADS": "many", "LEASE_SECONDS": "-1", "INSECURE": "perhaps", "QUANTIZE": "int3"])
    let wrong: [(Setting, () throws -> Void, String)] = [
      (.threads, { _ = try settings.threads() }, "1 to 256, or auto"),
      (.leaseSeconds, { _ = try settings.seconds(.leaseSeconds, in: 1...60) }, "1.0 to 60.0"),
      (.insecure, { _ = try settings.bool(.insecure) }, "true and false"),
      (.quantize, { _ = try ModelCatalog.conversionOptions(settings) }, "int8, int4, f32"),
    ]
    for (setting, read, allowed) in wrong {
      let error = #expect(throws: SettingsError.self) { try read() }
      #expect(error?.description.contains(setting.rawValue) == true)
      #expect(error?.description.contains(allowed) == true, "\(error?.description ?? "")")
    }
  }

  @Test func aFileIsReadWhereTheEnvironmentSaysNothing() throws {
    let path = try Self.file("export PORT='1'\r\nMAX_BATCH=2 # two\nHOST=\"h\"\n")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let settings = try Settings(options: [.port: "3"], environment: ["MAX_BATCH": "4"], file: path)
    #expect(settings.string(.port) == "3")
    #expect(settings.string(.maxBatch) == "4")
    #expect(settings.string(.host) == "h")
  }

  @Test func anErrorTellsWhereTheValueIsFrom() throws {
    let path = try Self.file("# comment\nSHARDS=many\nTORCH_THREADS=0\nPORT=x\nQUEUE_CAP=x\n")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let settings = try Settings(options: [.port: "y"], environment: ["QUEUE_CAP": "y"], file: path)
    func error(_ read: () throws -> Void) throws -> SettingsError {
      try #require(#expect(throws: SettingsError.self) { try read() })
    }
    let option = try error { _ = try settings.int(.port, in: 0...9) }
    #expect(option.isOfCommandLine)
    #expect(!option.description.contains(".env"))
    let variable = try error { _ = try settings.int(.queueCap, in: 0...9) }
    #expect(!variable.isOfCommandLine)
    #expect(!variable.description.contains(".env"))
    let line = try error { _ = try settings.int(.shards, in: 0...9) }
    #expect(!line.isOfCommandLine)
    #expect(line.description.hasSuffix("(SHARDS is from line 2 of .env)"))
    #expect(try error { _ = try settings.threads() }.description.contains("line 3 of .env"))
  }

  @Test func aFileThatCannotBeUnderstoodStopsTheStart() throws {
    let path = try Self.file("API_KEY secret\n")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let error = #expect(throws: SettingsError.self) {
      try Settings(options: [:], environment: [:], file: path)
    }
    #expect(error?.description.contains("line 1") == true)
  }

  private static func file(_ text: String) throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(path: "env-\(UUID().uuidString)").path
    try Data(text.utf8).write(to: URL(filePath: path))
    return path
  }

  @Test func everySettingHasAnOption() throws {
    var offered: Set<Setting> = []
    let groups: [any SettingOptions.Type] = [
      QueueOptions.self, HTTPOptions.self, LimitOptions.self, ModelOptions.self, TaskModelOptions.self,
      EngineOptions.self, DrainOptions.self, AdminOptions.self, LogOptions.self,
    ]
    for group in groups { offered.formUnion(try group.parse([]).given.keys) }
    #expect(offered == Set(Setting.allCases))
  }

  /// docs/configuration.md has one row a setting: name, default, meaning.
  @Test func theDocumentListsEverySettingWithItsDefault() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/configuration.md")
    var documented: [String: String] = [:]
    for line in try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
    where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { String($0.filter { $0 != "`" }.dropFirst().dropLast()) }
      documented[cells[0]] = cells[1] == "none" ? "" : cells[1]
    }
    let actual = Dictionary(uniqueKeysWithValues: Setting.allCases.map { ($0.rawValue, $0.defaultValue) })
    // PAD_TO's default is the word none.
    #expect(documented.merging(["PAD_TO": "none"]) { $1 } == actual)
  }
}
