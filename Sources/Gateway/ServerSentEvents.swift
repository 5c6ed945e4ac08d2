import Hummingbird
import JobWire
import NIOCore

/// Server-sent events, gathered and then written together.
struct ServerSentEvents {
  private(set) var buffer = ByteBuffer()

  /// Adds an event with one line of JSON.
  mutating func add(_ json: JSONValue) { add(json: json.encoded) }

  /// Adds an event with JSON of anybody's making. A line break in it could only be space between its parts, but
  /// here it would end the line.
  ///
  /// - Parameter number: the id of the event, which a client names when it comes back.
  mutating func add(json: [UInt8], number: Int? = nil) {
    if let number { buffer.writeString("id: \(number)\n") }
    buffer.writeString("data: ")
    buffer.writeBytes(json.lazy.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 })
    buffer.writeString("\n\n")
  }

  /// Adds the event after which nothing comes.
  mutating func addDone() { buffer.writeString("data: [DONE]\n\n") }

  /// Adds a line that clients ignore, so that nobody on the way takes the connection for dead.
  mutating func addPing() { buffer.writeString(": ping\n\n") }
}
