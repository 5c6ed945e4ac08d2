/// The names in logs by which the lines of one request are found, whichever process wrote them.
package enum LogKey {
  /// A job, from its submission to its result.
  package static let jobID = "job_id"
  /// A request over HTTP, as its answer's header names it.
  package static let requestID = "request_id"
  /// Everything that a caller did for one purpose of its own: the trace id of W3C's `traceparent`.
  package static let traceID = "trace_id"
}
