package import JobQueue

/// A queue with both sides running, and a hand on its clock.
package struct QueueUnderTest: Sendable {
  package let producer: any JobProducer
  package let consumer: any JobConsumer
  package let inspector: any JobQueueInspector
  /// Makes the queue believe that so much time went by.
  package let advance: @Sendable (Duration) async throws -> Void

  package init(
    producer: any JobProducer, consumer: any JobConsumer, inspector: any JobQueueInspector,
    advance: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.producer = producer
    self.consumer = consumer
    self.inspector = inspector
    self.advance = advance
  }

  /// The settings with which a queue goes through the suite.
  package static var limits: QueueLimits {
    var limits = QueueLimits()
    limits.capacity = 50
    limits.resultTimeToLive = .seconds(60)
    limits.deadCapacity = 3
    return limits
  }

  @discardableResult
  func submit(
    _ id: JobID, _ priority: JobPriority = .default, fingerprint: String? = nil, ttlMilliseconds: Int? = nil
  ) async throws -> SubmitOutcome {
    let payload = TestPayload.make(
      id, replyTo: producer.replyAddress?.rawValue, ttlMilliseconds: ttlMilliseconds)
    return try await producer.submit(
      JobSubmission(id: id, payload: payload, priority: priority, fingerprint: fingerprint))
  }

  /// Claims the one job that must be there.
  func claimOne() async throws -> ClaimedJob {
    let jobs = try await consumer.claim(upTo: 1, waiting: .seconds(20))
    guard let job = jobs.first else { throw MissingJob() }
    return job
  }

  /// Claims and starts the one job that must be there.
  func runOne() async throws -> (ClaimedJob, JobID) {
    let job = try await claimOne()
    guard let envelope = job.envelope,
      case .run = try await consumer.start(job, id: envelope.id, timeToLive: envelope.timeToLive)
    else { throw MissingJob() }
    return (job, envelope.id)
  }

  func progress(_ job: ClaimedJob, _ id: JobID, _ sequence: Int) -> JobProgress {
    JobProgress(
      job: job, id: id, sequence: sequence, body: Array("\(sequence)".utf8), replyTo: job.envelope?.replyTo)
  }
}

/// No job was there to claim or to run.
package struct MissingJob: Error {}

extension JobID {
  /// An id known to be valid.
  package static func test(_ string: String) -> JobID {
    guard let id = JobID(string) else { preconditionFailure("\(string) is no id") }
    return id
  }
}
