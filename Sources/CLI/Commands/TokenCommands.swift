import ArgumentParser
import GPT2
import JobWire

/// `gpt2 tokenize`: text to token ids.
struct TokenizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Turn text from standard input into token ids.",
    discussion: """
      Without --json all of standard input is one text, and its ids are printed on one line. With --json every \
      line of input is a JSON string, and for each one a JSON array of ids is printed.
      """)

  @Option(
    help: "The model whose tokenizer to use; default: GPT-2's.",
    completion: .file(extensions: CheckpointFiles.extensions))
  var model: String?
  @Flag(help: "Lines of JSON strings in, lines of JSON arrays out.") var json = false

  func run() async throws {
    let tokenizer = try tokenizer(of: model)
    guard json else {
      let text = try StandardInput.text(from: try StandardInput.readAll())
      StandardOutput.write(tokenizer.encode(text).map(String.init).joined(separator: " ") + "\n")
      return
    }
    try StandardInput.forEachLine { line, number in
      guard case .string(let text)? = try? JSONValue(parsing: line) else {
        throw ValidationError("line \(number) is no JSON string")
      }
      StandardOutput.write("[" + tokenizer.encode(text).map(String.init).joined(separator: ",") + "]\n")
    }
  }
}

/// `gpt2 detokenize`: token ids to text.
struct DetokenizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detokenize",
    abstract: "Turn token ids from standard input into text.",
    discussion: """
      Without --json the input is ids separated by white space, and their text is printed as it is. With --json \
      every line of input is a JSON array of ids, and for each one a JSON string is printed.
      """)

  @Option(
    help: "The model whose tokenizer to use; default: GPT-2's.",
    completion: .file(extensions: CheckpointFiles.extensions))
  var model: String?
  @Flag(help: "Lines of JSON arrays in, lines of JSON strings out.") var json = false

  func run() async throws {
    let tokenizer = try tokenizer(of: model)
    guard json else {
      let words = try StandardInput.text(from: try StandardInput.readAll()).split(
        whereSeparator: \.isWhitespace)
      let ids = try words.map { word in
        guard let id = Int32(word) else { throw ValidationError("\"\(word)\" is no token id") }
        return id
      }
      StandardOutput.write(try tokenizer.decode(ids))
      return
    }
    try StandardInput.forEachLine { line, number in
      guard case .array(let values)? = try? JSONValue(parsing: line) else {
        throw ValidationError("line \(number) is no JSON array")
      }
      let ids = try values.map { value in
        guard case .integer(let id) = value, let id = Int32(exactly: id) else {
          throw ValidationError("line \(number) has an element that is no token id")
        }
        return id
      }
      StandardOutput.write(JSONValue.string(try tokenizer.decodeText(ids)).encoded + Array("\n".utf8))
    }
  }
}

private func tokenizer(of model: String?) throws(GPT2Error) -> BPETokenizer {
  guard let model else { return .gpt2 }
  if ModelFile.isModelFile(model) { return try Model.load(path: model).makeTokenizer() }
  return try ModelCache.tokenizer(for: GPT2Checkpoint(path: model))
}
