package import JobQueue
import Synchronization

/// What a worker does at this moment, for those who look at the queue.
package final class WorkerActivity: WorkerObserver {
  /// Over how long the speed is measured.
  private static let window = Duration.seconds(10)

  private struct State {
    var jobs: [JobID] = []
    var model: String?
    var vocabulary: Int?
    var context: Int?
    var countTokens: @Sendable () -> Int = { 0 }
    var samples: [(time: ContinuousClock.Instant, tokens: Int)] = []
  }

  private let version: String
  private let state = Mutex(State())

  package init(version: String) {
    self.version = version
  }

  /// Tells of the model, once it is loaded.
  ///
  /// - Parameters:
  ///   - vocabulary: how many tokens all models have.
  ///   - context: how many tokens all models that generate can look at.
  ///   - countTokens: how many tokens were made since the start.
  package func describe(
    model: String, vocabulary: Int, context: Int, countTokens: @escaping @Sendable () -> Int
  ) {
    state.withLock { state in
      state.model = model
      state.vocabulary = vocabulary
      state.context = context
      state.countTokens = countTokens
    }
  }

  package func jobBegan(_ id: JobID, queued: Duration?) { state.withLock { $0.jobs.append(id) } }

  package func jobEnded(_ id: JobID, _ ending: JobEnding) {
    state.withLock { state in
      if let index = state.jobs.firstIndex(of: id) { state.jobs.remove(at: index) }
    }
  }

  /// What the worker says of itself, by the names in `WorkerInfo`. The speed is that since an earlier call.
  package var info: [String: String] {
    let now = ContinuousClock.now
    return state.withLock { state in
      let tokens = state.countTokens()
      var info = [
        WorkerInfo.version: version, WorkerInfo.jobs: state.jobs.map(\.rawValue).joined(separator: ","),
      ]
      info[WorkerInfo.model] = state.model
      info[WorkerInfo.vocabulary] = state.vocabulary.map(String.init)
      info[WorkerInfo.context] = state.context.map(String.init)
      state.samples.removeAll { now - $0.time > Self.window }
      if let first = state.samples.first, now - first.time >= .milliseconds(500) {
        let speed = Double(tokens - first.tokens) / ((now - first.time) / .seconds(1))
        info[WorkerInfo.tokensPerSecond] = "\((speed * 10).rounded() / 10)"
      }
      if state.samples.last.map({ now - $0.time >= .milliseconds(500) }) ?? true {
        state.samples.append((now, tokens))
      }
      return info
    }
  }
}
