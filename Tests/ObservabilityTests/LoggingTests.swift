import Logging
import Observability
import Synchronization
import Testing

/// How a line of log looks.
@Suite struct LoggingTests {
  /// The lines that `body` logs.
  static func lines(_ style: LineLogHandler.Style, level: Logger.Level = .info, _ body: (Logger) -> Void)
    -> [String]
  {
    let sink = Sink()
    body(
      Logger(label: "gateway") { label in
        LineLogHandler(label: label, level: level, style: style) { sink.append($0) }
      })
    return sink.lines
  }

  private final class Sink: Sendable {
    private let bytes = Mutex<[[UInt8]]>([])
    func append(_ line: [UInt8]) { bytes.withLock { $0.append(line) } }
    var lines: [String] { bytes.withLock { $0.map { String(decoding: $0, as: UTF8.self) } } }
  }

  @Test("JSON has a line an event, with time, level, logger, message and sorted metadata")
  func json() throws {
    let lines = Self.lines(.json) { logger in
      var logger = logger
      logger[metadataKey: "request_id"] = "r1"
      logger.warning("slow", metadata: ["ms": "12", "a": "1"])
    }
    #expect(lines.count == 1)
    let line = try #require(lines.first)
    #expect(line.hasPrefix(#"{"time":"20"#))
    #expect(
      line.hasSuffix(
        #","level":"warning","logger":"gateway","message":"slow","a":"1","ms":"12","request_id":"r1"}"# + "\n"
      ))
  }

  @Test(
    "Nothing that is logged can begin a line or an escape sequence of its own",
    arguments: [
      LineLogHandler.Style.json, .text,
    ])
  func injection(style: LineLogHandler.Style) {
    let lines = Self.lines(style) { logger in
      logger.info("a\nb\r\u{1B}[31m\u{7F}\"\\", metadata: ["k\n": "v\n\u{0}"])
    }
    #expect(lines.count == 1)
    #expect(lines[0].utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
    #expect(lines[0].contains(#"a\nb\u000d\u001b[31m\u007f\"\\"#))
  }

  @Test("Metadata can't pass itself off as the message or the level")
  func reservedNames() {
    let lines = Self.lines(.json) { $0.info("true", metadata: ["message": "false", "level": "none"]) }
    #expect(lines[0].contains(#""level":"info""#))
    #expect(lines[0].contains(#""message":"true""#))
    #expect(lines[0].contains(#""_message":"false""#))
  }

  @Test("Text shows time, level, message and metadata")
  func text() {
    let lines = Self.lines(.text) { $0.error("broken", metadata: ["why": "because"]) }
    #expect(lines[0].hasSuffix(" error broken  why=because\n"))
    #expect(lines[0].prefix(8).split(separator: ":").count == 3)
  }

  @Test("Events below the level are not written")
  func level() {
    let lines = Self.lines(.text, level: .notice) {
      $0.info("no")
      $0.notice("yes")
    }
    #expect(lines.count == 1)
  }

  @Test(
    "A time is written as RFC 3339 in UTC",
    arguments: [
      (0, 0, "1970-01-01T00:00:00.000Z"), (951_782_399, 999_999_999, "2000-02-28T23:59:59.999Z"),
      (1_709_164_800, 5_000_000, "2024-02-29T00:00:00.005Z"),
    ])
  func timestamps(seconds: Int, nanoseconds: Int, text: String) {
    #expect(Timestamp.text(seconds: seconds, nanoseconds: nanoseconds) == text)
  }

  @Test("The settings have defaults, and any case will do")
  func settings() throws {
    #expect(try LogBootstrap() == LogBootstrap(level: "info", format: "auto"))
    #expect(try LogBootstrap(level: "", format: "").level == .info)
    #expect(try LogBootstrap(level: "DEBUG", format: "JSON") == LogBootstrap(level: "debug", format: "json"))
    #expect(try LogBootstrap().style(isTerminal: true) == .text)
    #expect(try LogBootstrap().style(isTerminal: false) == .json)
    #expect(try LogBootstrap(format: "json").style(isTerminal: true) == .json)
    #expect(try LogBootstrap(format: "text").style(isTerminal: false) == .text)
  }

  @Test("A word that is none stops the start with the setting and what is allowed")
  func badSettings() {
    let level = #expect(throws: LogSettingError.self) { try LogBootstrap(level: "loud") }
    #expect(level?.description.contains("LOG_LEVEL") == true)
    #expect(level?.description.contains("warning") == true)
    let format = #expect(throws: LogSettingError.self) { try LogBootstrap(format: "xml") }
    #expect(format?.setting == "LOG_FORMAT")
  }
}
