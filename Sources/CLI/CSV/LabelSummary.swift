/// How many rows got which label.
struct LabelSummary: Equatable, Sendable {
  private var counts: [(label: String, rows: Int)]
  /// The lines of the rows that have none.
  private(set) var refusedLines: [Int] = []
  /// All that follows a quote that is never closed: nobody knows how many rows it was.
  private var lostLines: ClosedRange<Int>?

  init(labels: [String]) {
    counts = labels.map { ($0, 0) }
  }

  mutating func add(_ outcome: CSVLabelling.Outcome, of record: CSVRecord) {
    add(outcome, line: record.line)
    if case .openQuotes(let last) = record.problem, last > record.line {
      lostLines = record.line...last
    }
  }

  mutating func add(_ outcome: CSVLabelling.Outcome, line: Int) {
    switch outcome {
    case .labelled(let answer):
      if let index = counts.firstIndex(where: { $0.label == answer.label }) { counts[index].rows += 1 }
    case .refused: refusedLines.append(line)
    }
  }

  var labelledRows: Int { counts.reduce(0) { $0 + $1.rows } }

  /// For people, in one line.
  func text(seconds: Double) -> String {
    var text =
      "\(labelledRows) row\(labelledRows == 1 ? "" : "s") labelled: "
      + counts.map { "\($0.rows) \($0.label)" }.joined(separator: ", ")
    if seconds > 0 {
      text += "; \(seconds.fixed(1)) s, \((Double(labelledRows) / seconds).fixed(1)) rows a second"
    }
    if !refusedLines.isEmpty {
      let named = refusedLines.prefix(10).map { "\($0)" }.joined(separator: ", ")
      let more = refusedLines.count > 10 ? ", …" : ""
      text += "; \(refusedLines.count) not labelled, of line \(named)\(more)"
    }
    if let lostLines {
      text += "; all from line \(lostLines.lowerBound) to \(lostLines.upperBound) is left out"
    }
    return text
  }

  static func == (one: LabelSummary, other: LabelSummary) -> Bool {
    one.refusedLines == other.refusedLines && one.lostLines == other.lostLines
      && one.counts.elementsEqual(other.counts, by: ==)
  }
}
