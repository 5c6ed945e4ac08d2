/// The body of `POST /classify`: `{"input", "task_name"}`, where the task is `spam` if none is named. The fields that
/// say how a job is handled may be there as well.
package enum ClassifyRequest {
  static let defaultTask = "spam"
  package static let fieldNames = ["id", "input", "task_name", "priority", "ttl_ms", "traceparent"]

  /// The job that is meant.
  package static func job(
    from bytes: [UInt8], limits: RequestLimits = .init()
  ) throws(WireError) -> JobRequest {
    let reader = try FieldReader(object: bytes, limits: limits)
    try reader.refuseUnknown(fieldNames)
    var job = JobRequest(
      id: try reader.id("id"), prompts: [try reader.prompt("input", limits: limits)],
      taskName: try reader.string("task_name", maxLength: RequestLimits.maxTaskNameLength) ?? defaultTask)
    guard let task = TaskDescription.all.first(where: { $0.name == job.taskName }), task.kind == .classify
    else {
      let names = TaskDescription.all.filter { $0.kind == .classify }.map { "\"\($0.name)\"" }
      throw WireError(
        .invalid, "task_name must be a task that classifies: \(names.joined(separator: ", "))",
        param: "task_name")
    }
    job.priority = try reader.choice("priority", JobRequest.Priority.self) ?? .default
    job.ttlMilliseconds = try reader.integer("ttl_ms", in: RequestLimits.ttlMilliseconds)
    job.traceparent = try reader.traceparent("traceparent")
    return job
  }
}
