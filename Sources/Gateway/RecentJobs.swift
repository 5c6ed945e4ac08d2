import DequeModule
import JobQueue
import JobWire
import Synchronization

/// What this gateway answered in the last minutes, for the page that shows it: times and counts, never a text.
package final class RecentJobs: Sendable {
  /// A job that was answered.
  package struct Entry: Sendable {
    let id: String
    let taskName: String?
    let status: String
    let priority: String
    let took: Duration
    let completionTokens: Int
    let time: Int

    /// - Parameter time: when it was answered, in seconds since 1970.
    package init(
      id: String, taskName: String?, status: String, priority: String, took: Duration, completionTokens: Int,
      time: Int
    ) {
      self.id = id
      self.taskName = taskName
      self.status = status
      self.priority = priority
      self.took = took
      self.completionTokens = completionTokens
      self.time = time
    }
  }

  /// The answers of some seconds.
  package struct Interval: Sendable {
    /// When it began, in seconds since 1970.
    package let begin: Int
    package var completed = 0
    package var failed = 0
    package var tokens = 0
    /// Of the first answers.
    var times: [Duration] = []

    init(begin: Int) {
      self.begin = begin
    }

    /// The time within which this part of the answers came; nil if there was none.
    package func percentile(_ part: Double) -> Duration? {
      let sorted = times.sorted()
      guard !sorted.isEmpty else { return nil }
      return sorted[Int((part * Double(sorted.count - 1)).rounded(.down))]
    }
  }

  static let secondsPerInterval = 5
  private static let intervals = 60
  private static let maxEntries = 200
  private static let maxTimes = 4096

  private struct State {
    var entries: Deque<Entry> = []
    var intervals: Deque<Interval> = []
  }

  private let state = Mutex(State())
  private let now: @Sendable () -> Int

  /// - Parameter now: seconds since 1970.
  package init(now: @escaping @Sendable () -> Int = { WallClock.seconds }) {
    self.now = now
  }

  /// - Parameter result: what the outcome says, if it is a result.
  func note(
    _ order: JobDispatcher.Order, _ outcome: JobWaiter.Outcome, _ result: JobResult?, took: Duration
  ) {
    let status =
      switch outcome {
      case .result: result?.status.rawValue ?? "failed"
      case .deadline: "deadline"
      case .clientLeft: order.keepsJob ? "left" : "cancelled"
      case .failed: "failed"
      }
    add(
      Entry(
        id: order.id.rawValue, taskName: order.job.taskName, status: status,
        priority: order.job.priority.rawValue, took: took,
        completionTokens: result?.usage?.completionTokens ?? 0,
        time: now()))
  }

  package func add(_ entry: Entry) {
    state.withLock { state in
      state.entries.prepend(entry)
      if state.entries.count > Self.maxEntries { state.entries.removeLast() }
      let begin = entry.time / Self.secondsPerInterval * Self.secondsPerInterval
      if state.intervals.last.map({ $0.begin < begin }) ?? true {
        state.intervals.append(Interval(begin: begin))
        if state.intervals.count > Self.intervals { state.intervals.removeFirst() }
      }
      let last = state.intervals.count - 1
      if entry.status == JobResult.Status.completed.rawValue {
        state.intervals[last].completed += 1
      } else {
        state.intervals[last].failed += 1
      }
      state.intervals[last].tokens += entry.completionTokens
      if state.intervals[last].times.count < Self.maxTimes { state.intervals[last].times.append(entry.took) }
    }
  }

  /// The last minutes, oldest first; intervals without an answer are there as well, from the first answer on.
  package func intervals() -> [Interval] {
    let known = state.withLock { Array($0.intervals) }
    let last = now() / Self.secondsPerInterval * Self.secondsPerInterval
    let oldest = last - (Self.intervals - 1) * Self.secondsPerInterval
    guard let first = known.first(where: { $0.begin >= oldest }) else { return [] }
    let byBegin = Dictionary(known.map { ($0.begin, $0) }) { _, latest in latest }
    return stride(from: first.begin, through: last, by: Self.secondsPerInterval).map {
      byBegin[$0] ?? Interval(begin: $0)
    }
  }

  /// The newest jobs first.
  ///
  /// - Parameter scope: only those of the caller with this scope; nil: all.
  func entries(scope: String?, limit: Int) -> [Entry] {
    let all = state.withLock { Array($0.entries) }
    guard let scope else { return Array(all.prefix(limit)) }
    return Array(all.lazy.filter { $0.id.hasPrefix("\(scope)-") }.prefix(limit))
  }
}
