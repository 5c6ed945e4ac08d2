import Foundation
import JobWire

/// What a producer saw of its job until it had the result.
struct Answer: Sendable {
  let job: ChaosJob
  var body: [UInt8] = []
  /// Texts of streams that broke off.
  var brokenTexts: [String] = []
  /// Somebody was told that the job is cancelled.
  var isCancelled = false
  /// How often the job was pushed onto its list.
  var pushes = 0
  /// What came instead of the result, in order.
  var tries: [String] = []
  /// What no server should answer, whatever happens to it.
  var violations: [String] = []

  init(job: ChaosJob) { self.job = job }

  var result: JobResult? { try? JobResult.decode(body) }

  /// The job's story in one line, for a report.
  var story: String {
    "\(job.id) (\(job.way)) after \(tries.count) tries [\(tries.suffix(6).joined(separator: " | "))]"
  }
}

/// A streamed answer, taken apart; of one that broke off, the events that came whole.
struct StreamedAnswer {
  var text = ""
  var results: [String] = []
  var errors: [String] = []
  var ends = 0

  init(_ output: String) {
    for event in output.components(separatedBy: "\n\n").dropLast() where event.hasPrefix("data: ") {
      let data = String(event.dropFirst(6))
      if data == "[DONE]" {
        ends += 1
      } else if let json = try? JSONValue(parsing: Array(data.utf8)) {
        if json["status"] != nil {
          results.append(data)
        } else if json["error"] != nil {
          errors.append(data)
        } else {
          text += json["text"]?.stringValue ?? ""
        }
      } else {
        errors.append("no JSON: \(data)")
      }
    }
  }
}
