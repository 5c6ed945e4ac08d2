/// Is told of a job while it is waited for, by one caller at a time. Whatever it throws means that its client is gone.
protocol JobFollower: AnyObject {
  /// How often `ping` is called; nil: never.
  var pingInterval: Duration? { get }

  /// Takes the body of a progress event. The next one comes when this one returned.
  func take(_ body: [UInt8]) async throws

  func ping() async throws
}
