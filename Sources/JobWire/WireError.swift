/// Why a request or a job was refused: what it says is shown to the client as it is.
///
/// The message names the field, what was found and what is allowed, and never repeats the prompt.
package struct WireError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    /// Not JSON, or not a JSON object (HTTP 400).
    case malformed = "malformed_json"
    /// More bytes than `RequestLimits.maxBodyBytes` (HTTP 413).
    case tooLarge = "too_large"
    /// A value of the wrong type or out of range, or a required field that is missing (HTTP 422).
    case invalid = "invalid_value"
    /// A field that nobody knows (HTTP 422).
    case unknownField = "unknown_field"
    /// A field or value of the interface that this version can't honour yet (HTTP 422).
    case unsupported = "not_supported"
  }

  package let kind: Kind
  package let message: String
  /// The field at fault, if it is one.
  package let param: String?

  package init(_ kind: Kind, _ message: String, param: String? = nil) {
    self.kind = kind
    self.message = message
    self.param = param
  }

  package var description: String { message }
}
