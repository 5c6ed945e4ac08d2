import RedisTestServer
import Synchronization

/// Looks at the stored results while everything goes wrong: once there, a result neither changes nor goes.
final class ResultWatch: Sendable {
  private let state = Mutex((ids: [String](), seen: [String: [UInt8]](), problems: [String]()))

  var problems: [String] { state.withLock { $0.problems } }

  /// From now on this job's result is watched.
  func add(_ id: String) { state.withLock { $0.ids.append(id) } }

  /// Looks at some of the results, the newest among them; a server that is down is looked at the next time.
  func look(at redis: RedisTestServer) {
    let ids = state.withLock { Set($0.ids.suffix(32) + $0.ids.shuffled().prefix(32)) }
    guard !ids.isEmpty, let probe = try? redis.probe(),
      let replies = try? probe.send(
        ["MGET"].map { Array($0.utf8) } + ids.map { Array("{gpt2}:res:\($0)".utf8) }),
      let results = replies.array
    else { return }
    state.withLock { state in
      for (id, result) in zip(ids, results) {
        if let before = state.seen[id], before != result.bytes {
          state.problems.append("\(id): the result \(text(before)) became \(text(result.bytes))")
        }
        if let bytes = result.bytes { state.seen[id] = bytes }
      }
    }
  }

  private func text(_ bytes: [UInt8]?) -> String {
    bytes.map { String(decoding: $0.prefix(160), as: UTF8.self) } ?? "nothing"
  }
}
