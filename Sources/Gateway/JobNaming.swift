import Crypto
import HTTPTypes
import JobQueue

/// How the id of a job comes about.
///
/// A client names a job with the header `Idempotency-Key` or with `id` in the body; otherwise the gateway does.
/// Where keys are set, the id of the job is the client's with the scope of its key before it, in the answer as
/// on Redis. A client may send either form, so that an id from an answer works in the next request.
enum JobNaming {
  static func jobID(
    header: String?, body: String?, caller: APIKeys.Caller?
  ) throws(APIError) -> JobID {
    if let header, let body, header != body {
      throw invalid("the header Idempotency-Key and the field id differ")
    }
    let chosen = header ?? body ?? madeID()
    guard JobID(chosen) != nil, let id = JobID(scoped(chosen, caller)) else {
      throw invalid("an id must be 1 to 64 of A-Z a-z 0-9 _ -, in Idempotency-Key as in the body")
    }
    return id
  }

  private static func invalid(_ message: String) -> APIError {
    APIError(.unprocessableContent, code: "invalid_value", message, param: "id")
  }

  /// An id that would become too long is hashed: the same id still gives the same job.
  private static func scoped(_ id: String, _ caller: APIKeys.Caller?) -> String {
    guard let caller, !id.hasPrefix("\(caller.scope)-") else { return id }
    let scoped = "\(caller.scope)-\(id)"
    if scoped.utf8.count <= JobID.maximumLength { return scoped }
    return "\(caller.scope)-\(hex(SHA256.hash(data: Array(id.utf8))).prefix(48))"
  }

  private static func madeID() -> String {
    hex((0..<16).map { _ in UInt8.random(in: .min ... .max) })
  }

  /// Names what is asked for, so that one id with two different requests is noticed.
  static func fingerprint(_ canonicalRequest: [UInt8]) -> String {
    hex(SHA256.hash(data: canonicalRequest))
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
