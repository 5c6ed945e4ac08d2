/// What went wrong in the model code: a code for programs, a message for people, and where it happened.
///
/// The message names what was found and what is allowed, so that it can be shown to the user as it is.
package struct GPT2Error: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The file is missing or can't be read.
    case fileUnreadable = "file_unreadable"
    /// The file is no format that is known here, or one that is known and refused.
    case unsupportedFormat = "unsupported_format"
    /// The file is of a known format, but damaged, truncated or inconsistent.
    case corruptFile = "corrupt_file"
    /// The tensors are not those of a GPT-2 model, or their shapes contradict each other.
    case notGPT2 = "not_gpt2"
    /// A value is outside what the model or the engine allows.
    case invalidArgument = "invalid_argument"
    /// The engine has no room or was shut down.
    case unavailable = "unavailable"
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
