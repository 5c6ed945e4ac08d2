import ArgumentParser

/// The prompt, which may come from standard input.
struct PromptOptions: ParsableArguments {
  /// As much as any prompt can use: a model reads no more of it than its context.
  static let maxBytes = 1 << 23

  @Argument(
    help: ArgumentHelp("The prompt, or - to read it from standard input (UTF-8).", valueName: "prompt"))
  var text: String?
  @Option(
    name: .customLong("prompt"), parsing: .unconditional,
    help: ArgumentHelp("The same as an option; it may begin with a dash.", valueName: "text"))
  var option: String?

  func validate() throws {
    guard text == nil || option == nil else {
      throw ValidationError("a prompt was given twice, with --prompt and without; allowed is one")
    }
  }

  var isGiven: Bool { given != nil }

  private var given: String? { text ?? option }

  func requireGiven() throws {
    guard isGiven else {
      throw ValidationError(
        "a prompt is missing: give it as an argument or with --prompt; - is standard input")
    }
  }

  /// The prompt, after waiting for standard input to end, if it is meant.
  func read() throws -> String {
    try requireGiven()
    guard let given, given != InputFile.standardInput else {
      return try Self.prompt(from: try StandardInput.readAll(atMost: Self.maxBytes))
    }
    return given
  }

  /// What standard input says: the line end that `echo` and editors put at the end of a text is none of it, and a
  /// byte order mark neither.
  static func prompt(from bytes: [UInt8]) throws(FileFailure) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileFailure(
        "standard input is no UTF-8: byte \(firstInvalidByte(in: bytes)) is wrong; allowed is a text of 1 to "
          + "\(maxBytes) bytes")
    }
    var scalars = text.unicodeScalars[...]
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    if scalars.last == "\n" { scalars.removeLast() }
    if scalars.count < text.unicodeScalars.count, scalars.last == "\r" { scalars.removeLast() }
    guard !scalars.isEmpty else {
      throw FileFailure("standard input is empty; allowed is a text of 1 to \(maxBytes) bytes")
    }
    return String(scalars)
  }

  /// Counted from 1.
  private static func firstInvalidByte(in bytes: [UInt8]) -> Int {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var valid = 0
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { valid += UTF8.width(scalar) }
    return valid + 1
  }
}
