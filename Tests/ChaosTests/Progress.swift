import Synchronization

/// How far both sides are.
final class Progress: Sendable {
  private let state = Mutex((answered: 0, faults: 0))

  var answered: Int { state.withLock { $0.answered } }
  var faults: Int { state.withLock { $0.faults } }
  func noteAnswer() { state.withLock { $0.answered += 1 } }
  func noteFault() { state.withLock { $0.faults += 1 } }
  func endFaults() { state.withLock { $0.faults = .max / 2 } }
}
