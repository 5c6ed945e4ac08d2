extension JobRequest {
  /// What a queue needs to know of a job, read as well as can be from a body that may be wrong otherwise, so
  /// that even a refused job gets its result under its id and its notice at its reply key.
  package struct Envelope: Sendable, Equatable {
    /// `nil` if there is none or it isn't valid; such a job has nowhere to put its result.
    package var id: String?
    package var replyTo: String?
    package var ttlMilliseconds: Int?

    package init(id: String? = nil, replyTo: String? = nil, ttlMilliseconds: Int? = nil) {
      self.id = id
      self.replyTo = replyTo
      self.ttlMilliseconds = ttlMilliseconds
    }
  }

  /// Reads the envelope alone; never fails, and leaves out what isn't valid.
  package static func peek(_ bytes: [UInt8], limits: RequestLimits = .init()) -> Envelope {
    guard bytes.count <= limits.maxBodyBytes + RequestLimits.maxAddedBytes,
      let json = try? JSONParser.parse(bytes, maxDepth: limits.maxDepth)
    else { return Envelope() }
    let reader = FieldReader(json)
    return Envelope(
      id: json["id"]?.stringValue.flatMap { isValidID($0) ? $0 : nil },
      replyTo: try? replyTo(reader, mode: .queue, limits: limits),
      ttlMilliseconds: try? reader.integer("ttl_ms", in: RequestLimits.ttlMilliseconds))
  }
}
