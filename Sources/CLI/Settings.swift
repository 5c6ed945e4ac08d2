import Configuration

/// The settings of one run: an option on the command line wins, then the environment, then a `.env` file in the
/// working directory, then the default.
struct Settings: Sendable {
  private let reader: ConfigReader
  private let options: [Setting: String]
  private let process: EnvironmentVariablesProvider
  private let file: EnvironmentFile

  /// - Parameters:
  ///   - options: what was given on the command line.
  ///   - environment: the process's environment, if it is not to be read from the process.
  ///   - path: of the file.
  init(
    options: [Setting: String], environment: [String: String]? = nil, file path: String = ".env"
  ) throws(SettingsError) {
    self.options = options
    process =
      environment.map { EnvironmentVariablesProvider(environmentVariables: $0) }
      ?? EnvironmentVariablesProvider()
    do throws(FileFailure) {
      file = try EnvironmentFile(path: path)
    } catch {
      throw SettingsError(error.description)
    }
    let given = InMemoryProvider(
      name: "command line",
      values: Dictionary(
        uniqueKeysWithValues: options.map {
          (AbsoluteConfigKey($0.key.path), ConfigValue(.string($0.value), isSecret: $0.key.isSecret))
        }))
    let assigned = EnvironmentVariablesProvider(
      environmentVariables: file.assignments.mapValues(\.value))
    reader = ConfigReader(providers: [given, process, assigned])
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
      throw error(
        "\(setting.namesAndOption) is \"\(text)\"; allowed is a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return value
  }

  func seconds(_ setting: Setting, in range: ClosedRange<Double>) throws(SettingsError) -> Duration {
    let text = string(setting)
    guard let value = Double(text), range.contains(value) else {
      throw error(
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
      throw error(
        "\(setting.namesAndOption) is \"\(text)\"; allowed are true and false")
    }
  }

  /// One of the words that name the cases of an enumeration.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ setting: Setting, of type: Choice.Type
  ) throws(SettingsError) -> Choice where Choice.RawValue == String {
    let text = string(setting)
    guard let value = Choice(rawValue: text) else {
      let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw error(
        "\(setting.namesAndOption) is \"\(text)\"; allowed are \(allowed)")
    }
    return value
  }
}

// MARK: - Errors

extension Settings {
  /// What is wrong with a setting, with where it comes from. It is the first that the message names: the values that
  /// are quoted later may look like names too.
  func error(_ message: String) -> SettingsError {
    let words = message.split { !$0.isLetter && $0 != "_" }
    guard let setting = words.lazy.compactMap({ Setting(rawValue: String($0)) }).first else {
      return SettingsError(message)
    }
    if options[setting] != nil { return SettingsError(message, isOfCommandLine: true) }
    guard let line = line(of: setting) else { return SettingsError(message) }
    return SettingsError("\(message) (\(setting.rawValue) is from line \(line) of .env)")
  }

  /// What another part finds wrong with a setting is told as what is found here.
  func checked<Value, Failure: Error & CustomStringConvertible>(
    _ body: () throws(Failure) -> Value
  ) throws(SettingsError) -> Value {
    do {
      return try body()
    } catch {
      throw self.error(error.description)
    }
  }

  /// Of the file, if the value is from there.
  private func line(of setting: Setting) -> Int? {
    let names = [setting.rawValue] + setting.aliases
    guard names.allSatisfy({ (try? process.environmentValue(forName: $0)) == nil }) else { return nil }
    return names.lazy.compactMap { file.assignments[$0]?.line }.first
  }
}

/// A setting that is missing or out of range; the message names it and what is allowed.
struct SettingsError: Error, CustomStringConvertible {
  let description: String
  /// Whether it was given as an option.
  let isOfCommandLine: Bool

  init(_ description: String, isOfCommandLine: Bool = false) {
    self.description = description
    self.isOfCommandLine = isOfCommandLine
  }
}
