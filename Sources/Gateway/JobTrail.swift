import JobQueue
import JobWire
import Synchronization

/// The events of a job as lines of JSON, from the first on, for any number of readers who come and go.
final class JobTrail: JobFollower, Sendable {
  /// How a trail ended.
  enum Ending: Sendable {
    /// The last of the lines is the result.
    case result
    case error(APIError)
  }

  /// What a reader gets.
  struct Part: Sendable {
    let lines: ArraySlice<[UInt8]>
    /// Nil while more may come.
    let ending: Ending?
  }

  private struct State {
    var lines: [[UInt8]] = []
    var texts: [Int: StreamedText] = [:]
    var ending: Ending?
    var endTime: ContinuousClock.Instant?
    var nextReader = 0
    var readers: [Int: AsyncStream<Void>.Continuation] = [:]
  }

  let id: JobID
  var pingInterval: Duration? { nil }
  private let format: GenerateStreamFormat
  private let memory: TrailMemory
  private let state = Mutex(State())

  init(id: JobID, memory: TrailMemory) {
    self.id = id
    self.memory = memory
    format = GenerateStreamFormat(id: id.rawValue)
  }

  deinit { memory.giveBack(state.withLock { $0.lines.reduce(0) { $0 + $1.count } }) }

  /// When the job ended; nil while it goes on.
  var endTime: ContinuousClock.Instant? { state.withLock { $0.endTime } }

  // MARK: Writing

  /// Takes a piece. Where there is no memory left for it, its text comes with the result.
  func take(_ body: [UInt8]) {
    guard let piece = try? JobPiece.decode(body), memory.hasRoom else { return }
    change { state in
      for token in state.texts[piece.choice, default: StreamedText()].take(piece) {
        state.lines.append(format.event(of: token, choice: piece.choice).encoded)
      }
    }
  }

  func ping() {}

  /// Takes what ended the job.
  func end(_ outcome: JobWaiter.Outcome, timeout: Duration) {
    change { state in
      guard state.ending == nil else { return }
      state.endTime = .now
      do throws(APIError) {
        // A trail has no client: who stopped following is this gateway.
        if outcome == .clientLeft { throw APIError(.shuttingDown) }
        let (bytes, result) = try outcome.completed(within: timeout)
        state.lines += try format.rest(of: result, bytes, after: state.texts)
        state.ending = .result
      } catch {
        state.ending = .error(error)
      }
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let (readers, added) = state.withLock { state in
      let before = state.lines.count
      body(&state)
      return (Array(state.readers.values), state.lines[before...].reduce(0) { $0 + $1.count })
    }
    memory.take(added)
    for reader in readers { reader.yield() }
  }

  // MARK: Reading

  /// The lines behind the first `count`. Whoever counted more of them elsewhere gets the last one.
  func part(after count: Int) -> Part {
    state.withLock { state in
      let isElsewhere = count > state.lines.count && state.ending != nil
      let start = isElsewhere ? max(0, state.lines.count - 1) : min(count, state.lines.count)
      return Part(lines: state.lines[start...], ending: state.ending)
    }
  }

  /// Tells that there may be something new; at once for the first time.
  func changes() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let reader = state.withLock { state in
      state.nextReader += 1
      state.readers[state.nextReader] = continuation
      return state.nextReader
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.readers.removeValue(forKey: reader) }
    }
    continuation.yield()
    return stream
  }
}

/// How many bytes all trails may hold together.
final class TrailMemory: Sendable {
  private let limit: Int
  private let used = Atomic(0)

  init(limit: Int) {
    self.limit = limit
  }

  var hasRoom: Bool { used.load(ordering: .relaxed) < limit }
  func take(_ bytes: Int) { used.add(bytes, ordering: .relaxed) }
  func giveBack(_ bytes: Int) { used.subtract(bytes, ordering: .relaxed) }
}
