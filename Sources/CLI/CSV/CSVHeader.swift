/// The first record of a CSV file: how its columns are called.
struct CSVHeader: Equatable {
  /// Why there is no such column, and which there are.
  struct UnknownColumn: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// The columns that are taken where none is named.
  private static let usualNames = ["text", "prompt", "message"]

  let names: [String]

  /// - Throws: if it can't be read.
  init(_ record: CSVRecord) throws(FileFailure) {
    guard record.problem == nil else {
      throw FileFailure(
        "line \(record.line): the header can't be read; is a quote missing, or is it no CSV file?")
    }
    var names: [String] = []
    for field in record.fields {
      guard let name = String(validating: field, as: UTF8.self) else {
        throw FileFailure("line \(record.line): the header is no UTF-8; allowed are CSV files in UTF-8")
      }
      names.append(name)
    }
    self.names = names
  }

  /// For a file without one: the columns have numbers only.
  init(count: Int) {
    names = Array(repeating: "", count: count)
  }

  /// The index of a column by its name or else its number from 1; without either the only one, or one with a usual
  /// name.
  func index(of column: String?) throws(UnknownColumn) -> Int {
    guard let column else { return try defaultIndex() }
    let indices = names.indices.filter { names[$0] == column && !column.isEmpty }
    if indices.count == 1 { return indices[0] }
    if indices.count > 1 {
      throw UnknownColumn(
        description: "--column is \"\(column)\", which \(indices.count) columns are called; give its number: "
          + indices.map { "\($0 + 1)" }.joined(separator: " or "))
    }
    if let number = Int(column), names.indices.contains(number - 1) { return number - 1 }
    throw UnknownColumn(description: "--column is \"\(column)\"; allowed are \(list)")
  }

  private func defaultIndex() throws(UnknownColumn) -> Int {
    if names.count == 1 { return 0 }
    for name in Self.usualNames {
      if let index = names.firstIndex(where: { $0.lowercased() == name }) { return index }
    }
    throw UnknownColumn(description: "--column must say which column holds the texts; allowed are \(list)")
  }

  private var list: String {
    let numbers = names.count == 1 ? "1" : "1 to \(names.count)"
    let named = names.filter { !$0.isEmpty }.map { "\"\($0.printable)\"" }
    return named.isEmpty ? numbers : named.joined(separator: ", ") + " and \(numbers)"
  }

  /// These names for new columns, with a number where one is taken.
  func adding(_ new: [String]) -> [String] {
    var taken = Set(names)
    return new.map { name in
      let free =
        taken.contains(name)
        ? (2...).lazy.map { "\(name)_\($0)" }.first { !taken.contains($0) } ?? name : name
      taken.insert(free)
      return free
    }
  }
}
