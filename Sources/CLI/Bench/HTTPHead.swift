/// What an answer's header says about its end.
struct HTTPHead: Equatable {
  enum Length: Equatable {
    case bytes(Int)
    case chunks, untilClose
  }

  var status: Int
  var length: Length
  var closes: Bool

  /// Nil unless these are the lines of an HTTP/1 answer, the first one its status.
  init?(lines: [String]) {
    let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
    self.status = status
    length = .untilClose
    closes = words[0] == "HTTP/1.0"
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].filter { $0 != " " && $0 != "\t" }.lowercased()
      switch line[..<colon].lowercased() {
      case "content-length" where length != .chunks:
        guard let count = Int(value), count >= 0 else { return nil }
        length = .bytes(count)
      case "transfer-encoding" where value.hasSuffix("chunked"): length = .chunks
      case "connection": closes = value == "close"
      default: break
      }
    }
    if status == 204 || status == 304 || (100..<200).contains(status) { length = .bytes(0) }
  }
}
