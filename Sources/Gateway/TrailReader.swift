import Hummingbird
import JobWire
import NIOCore

/// Writes the events of a trail to one client, as they come.
struct TrailReader: Sendable {
  let trail: JobTrail
  /// How many of the events the client has.
  let after: Int
  let pingInterval: Duration
  let drain: Drain

  private enum Wake: Sendable {
    case changed, ping, gone, closing
  }

  func write(to writer: any ResponseBodyWriter, while connection: ClientConnection) async throws {
    var writer = writer
    let changes = trail.changes()
    try await withThrowingTaskGroup(of: Wake.self) { group in
      group.addTask { await Self.next(changes) }
      group.addTask {
        _ = await connection.waitUntilGone()
        return .gone
      }
      group.addTask { await ping() }
      group.addTask { await drain.waitUntilOver() ? .closing : .gone }
      defer { group.cancelAll() }
      var count = after
      while let wake = try await group.next() {
        switch wake {
        case .gone: return
        case .closing: return try await end(with: APIError(.shuttingDown), writer)
        case .ping:
          var events = ServerSentEvents()
          events.addPing()
          try await writer.write(events.buffer)
          group.addTask { await ping() }
        case .changed:
          if try await write(&count, to: &writer) { return }
          group.addTask { await Self.next(changes) }
        }
      }
    }
    try await writer.finish(nil)
  }

  private func end(with error: APIError, _ writer: any ResponseBodyWriter) async throws {
    var writer = writer
    var events = ServerSentEvents()
    events.add(.fields([("error", error.errorJSON)]))
    events.addDone()
    try await writer.write(events.buffer)
  }

  /// True when that was all.
  private func write(_ count: inout Int, to writer: inout any ResponseBodyWriter) async throws -> Bool {
    let part = trail.part(after: count)
    var events = ServerSentEvents()
    for line in part.lines {
      count += 1
      events.add(json: line, number: count)
    }
    if case .error(let error) = part.ending { events.add(.fields([("error", error.errorJSON)])) }
    if part.ending != nil { events.addDone() }
    if events.buffer.readableBytes > 0 { try await writer.write(events.buffer) }
    return part.ending != nil
  }

  private static func next(_ changes: AsyncStream<Void>) async -> Wake {
    for await _ in changes { return .changed }
    return .gone
  }

  private func ping() async -> Wake {
    (try? await Task.sleep(for: pingInterval)) == nil ? .gone : .ping
  }
}
