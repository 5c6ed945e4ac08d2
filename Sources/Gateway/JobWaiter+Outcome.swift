import JobWire

extension JobWaiter.Outcome {
  /// The result as it is stored, and what it says.
  ///
  /// - Parameter timeout: how long was waited at most.
  /// - Throws: why there is none, or that it is none of a completed job.
  func completed(within timeout: Duration) throws(APIError) -> (bytes: [UInt8], result: JobResult) {
    switch self {
    case .result(let bytes):
      let result = try JobResult.stored(bytes)
      guard result.status == .completed else { throw APIError(result) }
      return (bytes, result)
    case .deadline: throw .deadlineExceeded(after: timeout)
    case .clientLeft: throw .clientLeft
    case .failed(let error): throw APIError(error)
    }
  }
}
