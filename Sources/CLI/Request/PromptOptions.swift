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

  var isGiven: Bool { text != nil || option != nil }

  /// The prompt, after waiting for standard input to end, if it is meant.
  ///
  /// What is missing or given twice shows only here, and not when the options are parsed: the value of a misspelt
  /// option looks like a prompt there.
  func read() throws -> String {
    guard text == nil || option == nil else {
      throw ValidationError("a prompt was given twice, with --prompt and without; allowed is one")
    }
    guard let given = text ?? option else {
      throw ValidationError(
        "a prompt is missing: give it as an argument or with --prompt; - is standard input")
    }
    guard !given.isEmpty else {
      throw ValidationError("the prompt is empty; allowed is a text of 1 to \(Self.maxBytes) bytes")
    }
    guard given == InputFile.standardInput else { return given }
    return try Self.prompt(from: try StandardInput.readAll(atMost: Self.maxBytes))
  }

  /// What standard input says: the line end that `echo` and editors put at the end of a text is none of it, and a
  /// byte order mark neither.
  static func prompt(from bytes: [UInt8]) throws(FileFailure) -> String {
    let text = try StandardInput.text(from: bytes)
    var scalars = text.unicodeScalars[...]
    if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    if scalars.last == "\n" { scalars.removeLast() }
    if scalars.count < text.unicodeScalars.count, scalars.last == "\r" { scalars.removeLast() }
    guard !scalars.isEmpty else {
      throw FileFailure("standard input is empty; allowed is a text of 1 to \(maxBytes) bytes")
    }
    return String(scalars)
  }
}
