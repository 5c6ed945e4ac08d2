package import JobQueue

/// The payload that the conformance suite sends: `id`, then lines `reply=…`, `ttl=…` (ms), then any text. It may
/// contain zero bytes: queues must not care.
package enum TestPayload {
  package static func make(
    _ id: JobID, text: String = "work\u{0}", replyTo: String? = nil, ttlMilliseconds: Int? = nil
  ) -> [UInt8] {
    var lines = ["job=\(id)"]
    if let replyTo { lines.append("reply=\(replyTo)") }
    if let ttlMilliseconds { lines.append("ttl=\(ttlMilliseconds)") }
    return Array((lines + [text]).joined(separator: "\n").utf8)
  }

  @Sendable
  package static func identify(_ payload: [UInt8]) -> JobEnvelope? {
    let lines = String(decoding: payload, as: UTF8.self).split(separator: "\n")
    func value(_ name: String) -> String? {
      lines.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }
    guard let id = value("job").flatMap(JobID.init) else { return nil }
    return JobEnvelope(
      id: id, replyTo: value("reply").flatMap(ReplyAddress.init),
      timeToLive: value("ttl").flatMap { Int($0) }.map { .milliseconds($0) })
  }
}
