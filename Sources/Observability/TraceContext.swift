/// Where a request belongs in the traces of its caller: W3C Trace Context's `traceparent`, which goes from the client
/// through the queue to the worker.
package struct TraceContext: Sendable, Equatable {
  /// Names the trace, in 32 hexadecimal digits.
  package let traceID: String
  /// Names the part of the trace that made this request, in 16 hexadecimal digits.
  package let parentID: String
  /// Whether the caller may have recorded the trace.
  package let isSampled: Bool

  /// A trace that begins here. It is not recorded: there are only lines of log to find by its id.
  package init() {
    traceID = Self.randomID() + Self.randomID()
    parentID = Self.randomID()
    isSampled = false
  }

  /// Reads a header by the rules of W3C: lower-case digits, no id of zeros, and of a version not known yet, the fields
  /// that this version has.
  package init?(traceparent: String) {
    let fields = traceparent.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard fields.count >= 4, fields[..<4].map(\.count) == [2, 32, 16, 2],
      fields[..<4].joined().allSatisfy(Self.isDigit),
      let flags = UInt8(String(Substring(fields[3])), radix: 16)
    else { return nil }
    let version = String(Substring(fields[0]))
    guard version != "ff", version != "00" || fields.count == 4 else { return nil }
    traceID = String(Substring(fields[1]))
    parentID = String(Substring(fields[2]))
    isSampled = flags & 1 == 1
    let isZero = { (id: String) in id.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
    if isZero(traceID) || isZero(parentID) { return nil }
  }

  private init(traceID: String, isSampled: Bool) {
    self.traceID = traceID
    parentID = Self.randomID()
    self.isSampled = isSampled
  }

  /// The same trace with this process as the parent, to be handed on.
  package func child() -> TraceContext { TraceContext(traceID: traceID, isSampled: isSampled) }

  /// The header. Flags that this version does not know are not handed on, as W3C wants it.
  package var traceparent: String { "00-\(traceID)-\(parentID)-\(isSampled ? "01" : "00")" }

  /// 16 hexadecimal digits that are not all 0.
  private static func randomID() -> String {
    let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
