import Configuration
import SystemPackage

/// The settings of one run: an option on the command line wins, then the environment, then a `.env` file in the
/// working directory, then the default.
struct Settings: Sendable {
  private let reader: ConfigReader

  /// - Parameters:
  ///   - options: what was given on the command line.
  ///   - environment: the process's environment, if it is not to be read from the process.
  init(options: [Setting: String], environment: [String: String]? = nil) async throws(SettingsError) {
    let given = InMemoryProvider(
      name: "command line",
      values: Dictionary(
        uniqueKeysWithValues: options.map {
          (AbsoluteConfigKey($0.key.path), ConfigValue(.string($0.value), isSecret: $0.key.isSecret))
        }))
    let process =
      environment.map { EnvironmentVariablesProvider(environmentVariables: $0) }
      ?? EnvironmentVariablesProvider()
    let file: EnvironmentVariablesProvider
    do {
      file = try await EnvironmentVariablesProvider(environmentFilePath: ".env", allowMissing: true)
    } catch {
      throw SettingsError("the file .env can't be read: \(error)")
    }
    reader = ConfigReader(providers: [given, process, file])
  }

  /// The value as it was given, or the default. An empty value counts as not given.
  func string(_ setting: Setting) -> String {
    given(setting) ?? setting.defaultValue
  }

  /// The value that was given somewhere, by the setting's own name or by the one it had in the old service.
  func given(_ setting: Setting) -> String? {
    for path in [setting.path] + setting.aliases.map(Setting.path(of:)) {
      if let value = reader.string(forKey: ConfigKey(path), isSecret: setting.isSecret), !value.isEmpty {
        return value
      }
    }
    return nil
  }

  func int(_ setting: Setting, in range: ClosedRange<Int>) throws(SettingsError) -> Int {
    let text = string(setting)
    guard let value = Int(text), range.contains(value) else {
      throw SettingsError(
        "\(setting.namesAndOption) is \"\(text)\"; allowed is a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return value
  }

  func seconds(_ setting: Setting, in range: ClosedRange<Double>) throws(SettingsError) -> Duration {
    let text = string(setting)
    guard let value = Double(text), range.contains(value) else {
      throw SettingsError(
        "\(setting.namesAndOption) is \"\(text)\"; allowed are \(range.lowerBound) to \(range.upperBound) seconds"
      )
    }
    return .seconds(value)
  }

  func bool(_ setting: Setting) throws(SettingsError) -> Bool {
    switch string(setting).lowercased() {
    case "true", "1", "yes", "on": return true
    case "false", "0", "no", "off": return false
    case let text:
      throw SettingsError("\(setting.namesAndOption) is \"\(text)\"; allowed are true and false")
    }
  }

  /// One of the words that name the cases of an enumeration.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ setting: Setting, of type: Choice.Type
  ) throws(SettingsError) -> Choice where Choice.RawValue == String {
    let text = string(setting)
    guard let value = Choice(rawValue: text) else {
      let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw SettingsError("\(setting.namesAndOption) is \"\(text)\"; allowed are \(allowed)")
    }
    return value
  }
}

/// A setting that is missing or out of range; the message names it and what is allowed.
struct SettingsError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
