/// Text in columns, as wide as their widest cell; the first line is the names.
struct TextTable {
  struct Column {
    let name: String
    let isRight: Bool

    static func left(_ name: String) -> Column { Column(name: name, isRight: false) }
    static func right(_ name: String) -> Column { Column(name: name, isRight: true) }
  }

  private static let gap = "  "

  let columns: [Column]
  let rows: [[String]]

  var lines: [ScreenLine] {
    let cells = [columns.map(\.name)] + rows
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.enumerated().map { number, row in
      var line = columns.indices.map { padded(row[$0], to: widths[$0], isRight: columns[$0].isRight) }
        .joined(separator: Self.gap)
      while line.last == " " { line.removeLast() }
      return ScreenLine(line, number == 0 ? .heading : .plain)
    }
  }

  private func padded(_ cell: String, to width: Int, isRight: Bool) -> String {
    let padding = String(repeating: " ", count: width - cell.count)
    return isRight ? padding + cell : cell + padding
  }
}
