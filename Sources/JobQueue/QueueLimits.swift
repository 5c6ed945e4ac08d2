/// The limits that every queue keeps, whatever it is made of.
package struct QueueLimits: Sendable, Equatable {
  /// `QUEUE_CAP`: how many jobs may wait in one list. Default 1000, at least 1.
  package var capacity = 1000
  /// `RESULT_TTL_SECONDS`: how long a result is kept. Default 10 minutes, at least one second.
  package var resultTimeToLive = Duration.seconds(600)
  /// `DEAD_CAP`: how many entries the dead list keeps; the oldest go first. Default 1000, at least 1.
  package var deadCapacity = 1000
  /// `DEAD_TTL_SECONDS`: how long the dead list is kept after the last entry was added. Default a week.
  package var deadTimeToLive = Duration.seconds(7 * 24 * 3600)

  package init() {}

  /// - Throws: `invalidConfiguration`, naming the setting and what is allowed.
  package func validate() throws(JobQueueError) {
    guard capacity >= 1 else {
      throw JobQueueError(.invalidConfiguration, "QUEUE_CAP is \(capacity); it must be at least 1")
    }
    guard resultTimeToLive >= .milliseconds(1) else {
      throw JobQueueError(.invalidConfiguration, "RESULT_TTL_SECONDS must be more than 0")
    }
    guard deadCapacity >= 1 else {
      throw JobQueueError(.invalidConfiguration, "DEAD_CAP is \(deadCapacity); it must be at least 1")
    }
    guard deadTimeToLive >= .milliseconds(1) else {
      throw JobQueueError(.invalidConfiguration, "DEAD_TTL_SECONDS must be more than 0")
    }
  }
}
