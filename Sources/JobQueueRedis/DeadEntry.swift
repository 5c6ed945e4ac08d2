import JobQueue

/// An entry of the dead list: a line `<milliseconds> <id or ?> <list> <reason>`, and then the payload as it was.
struct DeadEntry {
  let job: DeadJob

  /// Nil if the bytes are no such entry.
  init?(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let words = String(decoding: bytes[..<end], as: UTF8.self)
      .split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
    guard words.count == 4, let priority = JobPriority(rawValue: String(words[2])) else { return nil }
    job = DeadJob(
      id: JobID(String(words[1])), reason: String(words[3]), priority: priority,
      payload: Array(bytes[(end + 1)...]))
  }

  /// The reason as one line of bounded length: it may quote what came from outside.
  static func line(_ reason: String) -> String {
    String(
      reason.unicodeScalars.prefix(500).map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
  }
}
