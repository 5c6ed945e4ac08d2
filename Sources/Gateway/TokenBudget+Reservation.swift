import Synchronization

extension TokenBudget {
  /// Tokens that were taken from a limit in advance. If it is never settled, they count as used.
  package final class Reservation: Sendable {
    /// Of a caller without a limit.
    package static let none = Reservation(0) { _ in }

    private let tokens: Int
    private let charge: @Sendable (_ difference: Int) async -> Void
    private let isSettled = Mutex(false)

    /// - Parameter charge: takes more, or gives back what is less than 0.
    init(_ tokens: Int, charge: @escaping @Sendable (_ difference: Int) async -> Void) {
      self.tokens = tokens
      self.charge = charge
    }

    /// Gives back what was not used. Only the first call counts, so that an error path may settle too.
    package func settle(used: Int) async {
      let isFirst = isSettled.withLock { settled in
        defer { settled = true }
        return !settled
      }
      let difference = max(0, used) - tokens
      if isFirst, tokens > 0, difference != 0 { await charge(difference) }
    }
  }
}
