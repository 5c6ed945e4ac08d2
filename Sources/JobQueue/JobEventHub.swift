import Synchronization

/// Who waits for which job in this process; drivers publish here what they learn.
package final class JobEventHub: Sendable {
  /// Pieces of progress that a reader may be behind before pieces are dropped.
  package static let defaultCapacity = 256

  private let capacity: Int
  private let state = Mutex(State())

  package init(capacity: Int = JobEventHub.defaultCapacity) { self.capacity = capacity }

  /// Registers a subscriber until its stream is gone. After `close` the stream is empty.
  package func subscribe(to id: JobID) -> JobEventStream {
    let token = state.withLock { $0.makeToken() }
    let subscription = JobSubscription(capacity: capacity) { [weak self] in self?.remove(token, of: id) }
    let isClosed = state.withLock { state in
      if !state.closed {
        state.subscriptions[id, default: [:]][token] = WeakSubscription(value: subscription)
      }
      return state.closed
    }
    if isClosed { subscription.close() }
    return JobEventStream(subscription)
  }

  /// Tells all subscribers of the job. After `finished` they are told nothing more, and nobody waits for it.
  package func publish(_ event: JobEvent, of id: JobID) {
    let subscriptions = state.withLock { state in
      if case .finished = event { return state.subscriptions.removeValue(forKey: id) }
      return state.subscriptions[id]
    }
    for subscription in subscriptions?.values.compactMap(\.value) ?? [] { subscription.deliver(event) }
  }

  /// The jobs that someone waits for.
  package var waitingIDs: [JobID] { state.withLock { Array($0.subscriptions.keys) } }

  /// Ends every stream, and those that are made later.
  package func close() {
    let open = state.withLock { state in
      state.closed = true
      defer { state.subscriptions = [:] }
      return state.subscriptions.values.flatMap { $0.values.compactMap(\.value) }
    }
    for subscription in open { subscription.close() }
  }

  private func remove(_ token: UInt64, of id: JobID) {
    state.withLock { state in
      state.subscriptions[id]?[token] = nil
      if state.subscriptions[id]?.isEmpty == true { state.subscriptions[id] = nil }
    }
  }

  private struct State {
    var subscriptions: [JobID: [UInt64: WeakSubscription]] = [:]
    var closed = false
    private var lastToken: UInt64 = 0

    mutating func makeToken() -> UInt64 {
      lastToken += 1
      return lastToken
    }
  }

  private struct WeakSubscription {
    weak var value: JobSubscription?
  }
}
