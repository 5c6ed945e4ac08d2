/// What a queue has to know of a payload that is otherwise opaque to it.
///
/// A queue gets a function `JobIdentifier` that makes the envelope from the payload; the function belongs to
/// whoever knows the format.
package struct JobEnvelope: Sendable, Equatable {
  package let id: JobID
  /// Where the result is announced, besides being stored under the id.
  package let replyTo: ReplyAddress?
  /// The job is dropped as expired if no worker began it in this time.
  package let timeToLive: Duration?

  package init(id: JobID, replyTo: ReplyAddress? = nil, timeToLive: Duration? = nil) {
    self.id = id
    self.replyTo = replyTo
    self.timeToLive = timeToLive
  }
}

/// Reads the envelope out of a payload; nil if the payload is no job that can be named.
package typealias JobIdentifier = @Sendable (_ payload: [UInt8]) -> JobEnvelope?

/// A key at which a requester waits for the result, as the job's `reply_to` spells it.
///
/// The value comes from outside. Whether a queue is willing to write there is asked with
/// `JobConsumer.accepts(_:)`: any other key would hand the producer a write primitive.
package struct ReplyAddress: Hashable, Sendable, CustomStringConvertible {
  package static let maximumLength = 256

  package let rawValue: String

  /// Nil if `string` is empty, longer than 256 bytes or contains anything but printable ASCII.
  package init?(_ string: String) {
    let bytes = string.utf8
    guard (1...Self.maximumLength).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    rawValue = string
  }

  package var description: String { rawValue }
}
