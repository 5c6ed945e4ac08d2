/// One record of a CSV file.
struct CSVRecord: Equatable, Sendable {
  /// What makes a record unusable.
  enum Problem: Equatable, Sendable {
    /// Something else than a separator follows a quoted field. The next record can be read.
    case textAfterQuotes
    /// The file ends within a quoted field: all that follows the quote is in this record.
    case openQuotes(lastLine: Int)
  }

  /// The line that it begins on, from 1. A record has several lines if a quoted field has line ends.
  var line: Int
  /// Without the quotes around them.
  var fields: [[UInt8]]
  /// As it stands in the file, without its line end.
  var raw: [UInt8]
  var problem: Problem?
  /// How many bytes of the file end with it, its line end included.
  var end: Int
}
