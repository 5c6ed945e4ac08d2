import JobWire

/// Labels the rows of a CSV file, several at the same time, and writes them in their order.
struct CSVLabelling: Sendable {
  /// What a text is.
  struct Answer: Sendable {
    let label: String
    /// In the order of the model's labels.
    let scores: [JobResult.Score]
  }

  /// Why one text has no label; the others may have one.
  struct Refusal: Error, Sendable {
    let reason: String
  }

  typealias Labeller = @Sendable (String) async throws -> Answer

  var separator = CSVSeparator.comma
  var column: String?
  var hasHeader = true
  var showsAllScores = false
  /// The model's.
  let labels: [String]
  /// Rows that are read before the first of them is written: at least as many as are labelled at the same time.
  let window: Int

  /// - Parameters:
  ///   - chunks: the bytes of the file, nil at its end.
  ///   - write: takes whole rows.
  ///   - complain: takes what is wrong with a row.
  ///   - progress: hears how many bytes of the file were done.
  /// - Throws: what `label` throws, unless it is a `Refusal`; and if the file as a whole can't be read.
  func run(
    chunks: @escaping () throws -> ArraySlice<UInt8>?, label: @escaping Labeller,
    write: ([UInt8]) throws -> Void,
    complain: (String) -> Void, progress: (_ bytes: Int, _ rows: Int) -> Void
  ) async throws -> LabelSummary {
    var reader = Reader(CSVParser(separator: separator.byte), chunks)
    guard let first = try reader.next() else { throw FileFailure("the file has no rows") }
    let header = hasHeader ? try CSVHeader(first) : CSVHeader(count: first.fields.count)
    let index = try header.index(of: column)
    // One that is followed by nothing has no line end yet.
    let lineEnd = reader.parser.lineEnd ?? [UInt8(ascii: "\n")]
    var summary = LabelSummary(labels: labels)
    var beginning: [UInt8] = reader.parser.hasByteOrderMark ? [0xEF, 0xBB, 0xBF] : []
    if hasHeader { beginning += first.raw + separator.appended(header.adding(newColumns)) + lineEnd }
    if !beginning.isEmpty { try write(beginning) }
    var next = hasHeader ? try reader.next() : first

    try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
      defer { group.cancelAll() }
      var waiting: [Int: (record: CSVRecord, outcome: Outcome?)] = [:]
      var (read, written) = (0, 0)
      while true {
        while read - written < window, let record = next {
          let number = read
          switch text(of: record, columns: header.names.count, index) {
          case .success(let text):
            waiting[number] = (record, nil)
            group.addTask { (number, try await Self.outcome(of: text, label)) }
          case .failure(let refusal): waiting[number] = (record, .refused(refusal.reason))
          }
          read += 1
          next = try reader.next()
        }
        var rows: [UInt8] = []
        var last: CSVRecord?
        while case (let record, let outcome?)? = waiting[written] {
          waiting[written] = nil
          written += 1
          last = record
          summary.add(outcome, of: record)
          if case .refused(let reason) = outcome { complain("line \(record.line): \(reason)") }
          if record.fields.count == header.names.count, record.problem == nil {
            rows += record.raw + separator.appended(cells(outcome)) + lineEnd
          }
        }
        if !rows.isEmpty { try write(rows) }
        if let last { progress(last.end, written) }
        if read == written, next == nil { return }
        if last != nil { continue }
        guard let (number, outcome) = try await group.next() else { return }
        waiting[number]?.outcome = outcome
      }
    }
    return summary
  }

  private static func outcome(of text: String, _ label: Labeller) async throws -> Outcome {
    do {
      return .labelled(try await label(text))
    } catch let refusal as Refusal {
      return .refused(refusal.reason)
    }
  }

  private func text(of record: CSVRecord, columns: Int, _ index: Int) -> Result<String, Refusal> {
    func refused(_ reason: String) -> Result<String, Refusal> { .failure(Refusal(reason: reason)) }
    switch record.problem {
    case .textAfterQuotes: return refused("text follows a closing quote; the row is left out")
    case .openQuotes(let last):
      return refused(
        "a quote is never closed; the row is left out"
          + (last > record.line ? ", and all that follows, to line \(last)" : ""))
    case nil: break
    }
    guard record.fields.count == columns else {
      return refused("the row has \(record.fields.count) fields instead of \(columns); it is left out")
    }
    guard let text = String(validating: record.fields[index], as: UTF8.self) else {
      return refused("the text is no UTF-8; it has no label")
    }
    return text.isEmpty ? refused("the text is empty; it has no label") : .success(text)
  }

  private var newColumns: [String] {
    guard showsAllScores else { return ["label", "score"] }
    return ["label"] + labels.map { "score_" + $0.map { $0 == " " ? "_" : String($0) }.joined() }
  }

  private func cells(_ outcome: Outcome) -> [String] {
    guard case .labelled(let answer) = outcome else { return newColumns.map { _ in "" } }
    let scores = answer.scores.filter { showsAllScores || $0.label == answer.label }
    return [answer.label] + scores.map { $0.probability.fixed(6) }
  }

  /// What became of a row.
  enum Outcome: Sendable {
    case labelled(Answer)
    case refused(String)
  }

  /// Record by record.
  private struct Reader {
    private(set) var parser: CSVParser
    private let chunks: () throws -> ArraySlice<UInt8>?
    private var records: ArraySlice<CSVRecord> = []
    private var isAtEnd = false

    init(_ parser: CSVParser, _ chunks: @escaping () throws -> ArraySlice<UInt8>?) {
      self.parser = parser
      self.chunks = chunks
    }

    mutating func next() throws -> CSVRecord? {
      while records.isEmpty, !isAtEnd {
        if let chunk = try chunks() {
          records = try parser.append(chunk)[...]
        } else {
          isAtEnd = true
          records = parser.finish()[...]
        }
      }
      return records.popFirst()
    }
  }
}
