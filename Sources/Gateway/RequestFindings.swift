import Synchronization

/// What is found out about a request on its way in: a context is copied at every step, this is shared by all of them.
final class RequestFindings: Sendable {
  private let name = Mutex<String?>(nil)

  /// Of the key that was presented; nil if there was none or a wrong one.
  var keyName: String? {
    get { name.withLock { $0 } }
    set { name.withLock { $0 = newValue } }
  }
}
