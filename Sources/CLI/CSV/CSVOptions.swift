import ArgumentParser

/// How a file of texts is labelled.
struct CSVOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Label every row of this CSV file instead of one text; - is standard input.", valueName: "file"),
    completion: .file(extensions: ["csv", "tsv", "txt"]))
  var csv: String?
  @Option(
    help: ArgumentHelp(
      """
      The column that holds the texts. Default: the only one, or one called text, prompt or message.
      """, valueName: "name|number"))
  var column: String?
  @Option(help: "What separates the fields.") var separator = CSVSeparator.comma
  @Flag(help: "The first row is a text as well: the columns have no names.") var noHeader = false
  @Flag(help: "Append the probability of each label, in place of that of the likeliest.") var allScores =
    false
  @Option(
    help: ArgumentHelp(
      "Where to write the rows with their labels. Default: standard output.", valueName: "file"),
    completion: .file(extensions: ["csv", "tsv", "txt"]))
  var output: String?

  func validate() throws {
    guard csv == nil else { return }
    let given = [
      ("--column", column != nil), ("--separator", separator != .comma), ("--no-header", noHeader),
      ("--all-scores", allScores), ("--output", output != nil),
    ]
    if let option = given.first(where: \.1)?.0 {
      throw ValidationError("\(option) needs --csv, the file that it is about")
    }
  }
}
