import JobWire

/// A streamed response, read as clients do.
struct StreamedReply {
  /// The events with text.
  var pieces: [JSONValue] = []
  var result: JSONValue?
  var error: String?
  /// Whether `[DONE]` is the last of all.
  var isDone = false

  struct Malformed: Error {
    let event: Substring
  }

  init(_ text: String) throws {
    guard text.hasSuffix("\n\n") else { throw Malformed(event: text.suffix(40)) }
    for event in text.dropLast(2).split(separator: "\n\n", omittingEmptySubsequences: false) {
      if event == ": ping" { continue }
      guard !isDone, event.hasPrefix("data: "), !event.contains("\n") else { throw Malformed(event: event) }
      if event == "data: [DONE]" {
        isDone = true
        continue
      }
      guard result == nil, error == nil else { throw Malformed(event: event) }
      let json = try JSONValue(parsing: Array(event.dropFirst(6).utf8))
      if let failure = json["error"] {
        error = failure["code"]?.stringValue ?? ""
      } else if json["status"] != nil {
        result = json
      } else {
        pieces.append(json)
      }
    }
  }

  var texts: [String] { pieces.compactMap { $0["text"]?.stringValue } }
  var tokens: [Int64?] { pieces.map { $0["token"]?.integerValue } }
  var text: String { texts.joined() }
}
