import Testing

/// One thing that every queue must do.
package struct ConformanceCheck: Sendable, CustomTestStringConvertible {
  package let testDescription: String
  package let run: @Sendable (QueueUnderTest) async throws -> Void

  init(_ description: String, _ run: @escaping @Sendable (QueueUnderTest) async throws -> Void) {
    testDescription = description
    self.run = run
  }

  /// The whole suite.
  package static let all = submitting + claiming + finishing + cancelling + following + inspecting
}
