import JobQueue
import JobWire
import QueueWorker
import Synchronization

func answer(_ text: String) -> TaskAnswer {
  TaskAnswer(
    model: "test", completion: text, choices: [JobResult.Choice(text: text, finishReason: .stop, tokens: [])],
    usage: JobResult.Usage(promptTokens: 1, completionTokens: 0))
}

extension JobRequest {
  /// The text of its only prompt.
  var text: String { prompts[0].text ?? "" }
}

/// Gives the prompt back.
struct EchoTask: JobTask {
  var suffix = ""

  func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    answer(request.text + suffix)
  }
}

/// Has no answer to anything.
struct FailingTask: JobTask {
  let failure: JobFailure

  func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    throw .failed(failure)
  }
}

/// Runs until it is interrupted.
struct EndlessTask: JobTask {
  private let starts = AsyncStream<Void>.makeStream()

  func started() async { for await _ in starts.stream { return } }

  func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    starts.continuation.yield()
    while true {
      if let interruption = interruption() { throw .interrupted(interruption) }
      await Task.yield()
    }
  }
}

/// Has no room for a job before it is opened.
final class FullTask: JobTask {
  private let state = Mutex((isOpen: false, asked: 0, begunTooSoon: false))

  var begunTooSoon: Bool { state.withLock { $0.begunTooSoon } }
  func open() { state.withLock { $0.isOpen = true } }
  func waitUntilAsked() async {
    while state.withLock({ $0.asked }) == 0 { await Task.yield() }
  }

  func waitForRoom() async {
    state.withLock { $0.asked += 1 }
    while !state.withLock({ $0.isOpen }) { await Task.yield() }
  }

  func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    state.withLock { if !$0.isOpen { $0.begunTooSoon = true } }
    return answer(request.text)
  }
}

/// Holds every job until it is opened, and counts how many it held at once.
final class GatedTask: JobTask {
  private struct State {
    var isOpen = false
    var running = 0
    var most = 0
    var company: [String: Int] = [:]
  }

  private let state = Mutex(State())

  var mostAtOnce: Int { state.withLock { $0.most } }
  /// How many ran when the job of this prompt began, itself included.
  var company: [String: Int] { state.withLock { $0.company } }
  func open() { state.withLock { $0.isOpen = true } }
  func waitForRunning(_ count: Int) async {
    while state.withLock({ $0.running }) < count { await Task.yield() }
  }

  func run(
    _ request: JobRequest, interruption: @escaping @Sendable () -> Interruption?,
    onToken: TokenHandler?
  ) async throws(TaskError) -> TaskAnswer {
    state.withLock {
      $0.running += 1
      $0.most = max($0.most, $0.running)
      $0.company[request.text] = $0.running
    }
    while !state.withLock({ $0.isOpen }) { await Task.yield() }
    state.withLock { $0.running -= 1 }
    return answer(request.text)
  }
}
