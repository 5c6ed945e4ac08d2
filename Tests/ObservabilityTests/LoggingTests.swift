import FoundationEssentials
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

  @Test("JSON gives back exactly what was logged, whatever it holds")
  func roundTrip() throws {
    var odd = ""
    for value in UInt32(0)..<0x2100 { odd.unicodeScalars.append(Unicode.Scalar(value) ?? "-") }
    odd += "🦆\u{10FFFF}"
    for text in stride(from: 0, to: odd.unicodeScalars.count, by: 500) {
      let part = String(String.UnicodeScalarView(odd.unicodeScalars.dropFirst(text).prefix(500)))
      let line = try #require(Self.lines(.json) { $0.info("\(part)", metadata: ["k": "\(part)"]) }.first)
      let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
      #expect(object["message"].map { Array($0.utf8) } == Array(part.utf8))
      #expect(object["k"].map { Array($0.utf8) } == Array(part.utf8))
    }
  }

  @Test(
    "Neither Unicode's line ends nor its controls get through",
    arguments: [LineLogHandler.Style.json, .text],
    ["\u{85}", "\u{9B}31m", "\u{2028}", "\u{2029}", "\u{202E}", "\u{2066}", "\r\n"])
  func unicodeControls(style: LineLogHandler.Style, control: String) {
    let lines = Self.lines(style) { $0.info("a\(control)b", metadata: ["k\(control)": "v\(control)"]) }
    #expect(lines.count == 1)
    #expect(lines[0].dropLast().unicodeScalars.allSatisfy { !control.unicodeScalars.prefix(1).contains($0) })
    #expect(lines[0].dropLast().allSatisfy { !$0.isNewline })
  }

  @Test(
    "A long text is cut between two characters, and tells what is missing", arguments: ["x", "é", "🦆", "\n"])
  func longTexts(character: String) throws {
    let long = String(repeating: character, count: 100_000)
    let line = try #require(
      Self.lines(.json) { $0.info("\(long)", metadata: ["k": "\(long)", "l": "short"]) }.first)
    #expect(line.utf8.count < 2 * 4096 + 200)
    let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    for name in ["message", "k"] {
      let match = try #require(object[name]?.wholeMatch(of: /((?s).*)… \(([0-9]+) bytes more\)/))
      let kept = String(match.output.1)
      #expect(kept == String(repeating: character, count: kept.count))
      #expect(kept.utf8.count + (Int(match.output.2) ?? 0) == long.utf8.count)
    }
    #expect(object["l"] == "short")
  }

  @Test("A text of the longest length is not cut")
  func longestText() throws {
    let longest = String(repeating: "x", count: LineLogHandler.maxTextBytes)
    let lines = Self.lines(.text) {
      $0.info("\(longest)")
      $0.info("\(longest)x")
    }
    #expect(lines[0].hasSuffix(" \(longest)\n"))
    #expect(lines[1].hasSuffix(" bytes more)\n"))
  }

  @Test("Job, request and trace are found by the same names everywhere")
  func keys() throws {
    let line = try #require(
      Self.lines(.json) { logger in
        var logger = logger
        logger[metadataKey: LogKey.requestID] = "r"
        logger[metadataKey: LogKey.traceID] = "t"
        logger.info("m", metadata: [LogKey.jobID: "j"])
      }.first)
    #expect(line.hasSuffix(#""message":"m","job_id":"j","request_id":"r","trace_id":"t"}"# + "\n"))
  }

  @Test("No name occurs twice in an object")
  func uniqueNames() throws {
    let line = try #require(
      Self.lines(.json) { $0.info("m", metadata: ["message": "1", "_message": "2", "__message": "3"]) }.first)
    let object = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
    #expect(Set(object.values).isSuperset(of: ["m", "1", "2", "3"]))
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
