/// Splits CSV as RFC 4180 describes it into records, however the bytes are cut into chunks.
///
/// Beyond the RFC, a line may also end with a line feed or a carriage return alone, a byte order mark is skipped,
/// empty lines are no records, and a quote within a field that doesn't begin with one stands for itself.
struct CSVParser {
  /// A record is so long that a quote is likely to be missing; nothing after it can be told apart.
  struct Overflow: Error, Equatable, CustomStringConvertible {
    let line: Int
    let limit: Int

    var description: String {
      "line \(line): the record has more than \(limit) bytes; is a closing quote missing?"
    }
  }

  private enum State {
    case fieldStart, unquoted, quoted
    /// After a quote within a quoted field: it ends the field or is the first half of a quote.
    case quoteInQuoted
    /// After a carriage return that ended a record; a line feed belongs to it.
    case carriageReturn
  }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private let separator: UInt8
  private let maxRecordBytes: Int
  private var state = State.fieldStart
  private var field: [UInt8] = []
  private var fields: [[UInt8]] = []
  private var raw: [UInt8] = []
  private var problem: CSVRecord.Problem?
  private var recordLine = 1
  /// Of the byte that comes next.
  private var line = 1
  private var lastWasCarriageReturn = false
  private var consumed = 0
  private var complete: [CSVRecord] = []

  /// Whether the file begins with a byte order mark.
  private(set) var hasByteOrderMark = false
  /// What ended the first line, once it is known.
  private(set) var lineEnd: [UInt8]?

  init(separator: UInt8 = UInt8(ascii: ","), maxRecordBytes: Int = 1 << 24) {
    self.separator = separator
    self.maxRecordBytes = maxRecordBytes
  }

  /// The records that these bytes complete.
  mutating func append(_ bytes: some Sequence<UInt8>) throws(Overflow) -> [CSVRecord] {
    for byte in bytes {
      consumed += 1
      take(byte)
      guard raw.count <= maxRecordBytes else { throw Overflow(line: recordLine, limit: maxRecordBytes) }
    }
    defer { complete.removeAll() }
    return complete
  }

  /// The records that the end of the file completes.
  mutating func finish() -> [CSVRecord] {
    switch state {
    case .carriageReturn: endRecord(with: [Self.carriageReturn])
    case .quoted:
      let endsLine = raw.last == Self.lineFeed || raw.last == Self.carriageReturn
      problem = .openQuotes(lastLine: endsLine ? line - 1 : line)
      endField()
      endRecord(with: [])
    case .fieldStart where raw.isEmpty: break
    case .fieldStart, .unquoted, .quoteInQuoted:
      endField()
      endRecord(with: [])
    }
    defer { complete.removeAll() }
    return complete
  }

  private mutating func take(_ byte: UInt8) {
    if state == .carriageReturn {
      let isPair = byte == Self.lineFeed
      endRecord(
        with: isPair ? [Self.carriageReturn, Self.lineFeed] : [Self.carriageReturn], before: isPair ? 0 : 1)
      if isPair { return }
    }
    if consumed <= Self.byteOrderMark.count, skipsByteOrderMark(byte) { return }
    countLine(byte)
    switch (state, byte) {
    case (.fieldStart, Self.quote): state = .quoted
    case (.quoted, Self.quote): state = .quoteInQuoted
    case (.quoteInQuoted, Self.quote):
      field.append(byte)
      state = .quoted
    case (.quoted, _): field.append(byte)
    case (_, separator):
      endField()
      state = .fieldStart
    case (_, Self.lineFeed):
      endField()
      return endRecord(with: [byte])
    case (_, Self.carriageReturn):
      endField()
      state = .carriageReturn
      return
    case (.quoteInQuoted, _):
      problem = problem ?? .textAfterQuotes
      field.append(byte)
      state = .unquoted
    default:
      field.append(byte)
      state = .unquoted
    }
    raw.append(byte)
  }

  /// A mark is dropped again once its last byte has come: what only begins like one is text.
  private mutating func skipsByteOrderMark(_ byte: UInt8) -> Bool {
    guard consumed == Self.byteOrderMark.count, raw == Self.byteOrderMark.dropLast(),
      byte == Self.byteOrderMark.last
    else { return false }
    hasByteOrderMark = true
    raw.removeAll()
    field.removeAll()
    state = .fieldStart
    return true
  }

  private mutating func countLine(_ byte: UInt8) {
    if byte == Self.carriageReturn || byte == Self.lineFeed && !lastWasCarriageReturn { line += 1 }
    lastWasCarriageReturn = byte == Self.carriageReturn
  }

  private mutating func endField() {
    fields.append(field)
    field.removeAll(keepingCapacity: true)
  }

  /// - Parameter before: how many bytes were taken after its end.
  private mutating func endRecord(with lineEnd: [UInt8], before: Int = 0) {
    if !lineEnd.isEmpty, self.lineEnd == nil { self.lineEnd = lineEnd }
    if !raw.isEmpty {
      complete.append(
        CSVRecord(line: recordLine, fields: fields, raw: raw, problem: problem, end: consumed - before))
    }
    fields.removeAll()
    raw.removeAll()
    problem = nil
    lastWasCarriageReturn = false
    recordLine = line
    state = .fieldStart
  }
}
