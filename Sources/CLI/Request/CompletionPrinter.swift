import JobWire
import Synchronization

/// Prints completions for people: the first as its tokens come, the others whole and in their order at the end.
final class CompletionPrinter: Sendable {
  private let prompt: String
  private let count: Int
  private let isLive: Bool
  private let write: @Sendable (String) -> Void
  private let endsWithNewline = Mutex(true)
  private let hasBegun = Mutex(false)

  /// - Parameters:
  ///   - prompt: stands before each completion.
  ///   - isLive: false where only the end tells which completions are returned.
  init(prompt: String, count: Int, isLive: Bool, write: @escaping @Sendable (String) -> Void) {
    self.prompt = prompt
    self.count = count
    self.isLive = isLive
    self.write = write
  }

  /// A token's text, which is whole characters. The prompt stands before the first one and not earlier: a request
  /// that is refused prints nothing.
  func add(choice: Int, _ text: String) {
    if isLive, choice == 0 { put(beginning + text) }
  }

  func finish(_ texts: [String]) {
    if isLive { put(beginning) }
    for (number, text) in texts.enumerated() {
      if number > 0 || !isLive { put(heading(number) + prompt + text) }
      put("\n")
    }
  }

  /// Ends the line that was begun, if one was.
  func stop() {
    if !endsWithNewline.withLock({ $0 }) { put("\n") }
  }

  /// What stands before the first token; empty once it was printed.
  private var beginning: String {
    let isFirst = hasBegun.withLock { hasBegun in
      defer { hasBegun = true }
      return !hasBegun
    }
    return isFirst ? heading(0) + prompt : ""
  }

  private func heading(_ number: Int) -> String {
    count > 1 ? "--- \(number + 1) of \(count) ---\n" : ""
  }

  private func put(_ text: String) {
    guard let last = text.unicodeScalars.last else { return }
    endsWithNewline.withLock { $0 = last == "\n" }
    write(text)
  }
}
