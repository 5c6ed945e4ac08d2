import Glibc
package import Logging

/// Where the logs go and how they look, decided once at the start.
///
/// ## Configuration keys
/// - `LOG_LEVEL` (`info`): `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
/// - `LOG_FORMAT` (`auto`): `json`, one object a line; `text`, for people; `auto`, text if standard error is a
///   terminal.
package struct LogBootstrap: Sendable, Equatable {
  package enum Format: String, Sendable, CaseIterable {
    case auto, json, text
  }

  package let level: Logger.Level
  package let format: Format

  /// - Throws: `LogSettingError`, if a setting is none of its words.
  package init(level: String? = nil, format: String? = nil) throws(LogSettingError) {
    self.level = try Self.word(level, of: "LOG_LEVEL", default: .info)
    self.format = try Self.word(format, of: "LOG_FORMAT", default: .auto)
  }

  /// Makes standard error the place of all loggers that are made from now on. To be called once a process.
  package func install() {
    let (level, style) = (level, style(isTerminal: isatty(STDERR_FILENO) == 1))
    LoggingSystem.bootstrap { label in
      LineLogHandler(label: label, level: level, style: style, write: StandardError.write)
    }
  }

  /// What `format` means for a standard error that is a terminal or isn't.
  package func style(isTerminal: Bool) -> LineLogHandler.Style {
    switch format {
    case .json: .json
    case .text: .text
    case .auto: isTerminal ? .text : .json
    }
  }

  private static func word<Word: RawRepresentable & CaseIterable>(
    _ text: String?, of setting: String, default standard: Word
  ) throws(LogSettingError) -> Word where Word.RawValue == String {
    guard let text, !text.isEmpty else { return standard }
    guard let word = Word(rawValue: text.lowercased()) else {
      throw LogSettingError(setting: setting, found: text, allowed: Word.allCases.map(\.rawValue))
    }
    return word
  }
}

/// A log setting that is none of its words.
package struct LogSettingError: Error, Sendable, Equatable, CustomStringConvertible {
  package let setting: String
  package let found: String
  package let allowed: [String]

  package var description: String {
    "\(setting): \"\(found)\" must be one of \(allowed.joined(separator: ", "))"
  }
}
