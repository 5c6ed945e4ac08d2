/// A setting that stops the start: its name, what was found and what is allowed.
package struct GatewayError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The environment name of the setting.
  package let setting: String
  package let message: String

  package init(_ setting: String, _ message: String) {
    self.setting = setting
    self.message = message
  }

  package var description: String { "\(setting): \(message)" }
}
