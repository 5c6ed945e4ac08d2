import JobQueue
import Testing

@testable import CLI

@Suite struct QueueScreenTests {
  private static let begin = ContinuousClock.now

  private static func status(
    counts: [String: Int] = [:], paused: Bool = false, workers: [WorkerStatus] = []
  ) -> QueueStatus {
    QueueStatus(
      depth: [.high: 1, .default: 12, .low: 0], running: 4, dead: 2, workers: workers, paused: paused,
      oldestWait: .milliseconds(1440), counts: counts)
  }

  private static func worker(_ id: String, alive: Bool = true, info: [String: String] = [:]) -> WorkerStatus {
    WorkerStatus(id: id, lastBeat: .milliseconds(300), alive: alive, running: 2, info: info)
  }

  private static func lines(_ observation: QueueObservation, after seconds: Int = 0) -> [ScreenLine] {
    QueueScreen(observation: observation, clock: "12:00:00", now: begin + .seconds(seconds)).lines()
  }

  @Test func whatWaitsRunsAndDiedIsThereWithTheOldest() throws {
    var observation = QueueObservation()
    observation.note(Self.status(), at: Self.begin)
    let lines = Self.lines(observation).map(\.text)
    let names = try #require(lines.firstIndex { $0.hasPrefix("waiting") })
    let words = lines[names...].prefix(2).map { $0.split(separator: " ").map(String.init) }
    #expect(words[0] == ["waiting", "high", "default", "low", "oldest", "running", "dead"])
    #expect(words[1] == ["1", "12", "0", "1.4", "s", "4", "2"])
    #expect(!lines.contains { $0.contains("paused") })
    var paused = QueueObservation()
    paused.note(Self.status(paused: true), at: Self.begin)
    #expect(Self.lines(paused).contains { $0.text.contains("paused") && $0.style == .alarm })
  }

  @Test func aRateIsWhatWasAddedSinceTheLastLookASecond() {
    var observation = QueueObservation()
    #expect(observation.rate(of: "posted") == nil)
    observation.note(Self.status(counts: ["posted": 100]), at: Self.begin)
    #expect(observation.rate(of: "posted") == nil)
    observation.note(Self.status(counts: ["posted": 129, "failed": 2]), at: Self.begin + .seconds(2))
    #expect(observation.rate(of: "posted") == 14.5)
    #expect(observation.rate(of: "failed") == 1)
    #expect(observation.rate(of: "crashes") == 0)
    // Redis came back empty.
    observation.note(Self.status(counts: ["posted": 3]), at: Self.begin + .seconds(4))
    #expect(observation.rate(of: "posted") == nil)
    observation.note(Self.status(counts: ["posted": 5]), at: Self.begin + .seconds(6))
    #expect(observation.rate(of: "posted") == 1)
  }

  @Test func aRateSpansTheTimeInWhichNothingWasSeen() {
    var observation = QueueObservation()
    observation.note(Self.status(counts: ["posted": 0]), at: Self.begin)
    observation.note(failure: "gone", at: Self.begin + .seconds(2))
    observation.note(Self.status(counts: ["posted": 100]), at: Self.begin + .seconds(10))
    #expect(observation.rate(of: "posted") == 10)
    #expect(observation.failure == nil)
  }

  @Test func workersAreListedWithWhatTheyRunAndHowFast() throws {
    var observation = QueueObservation()
    observation.note(
      Self.status(workers: [
        Self.worker("b", info: [WorkerInfo.tokensPerSecond: "40.5", WorkerInfo.model: "gpt2"]),
        Self.worker("a", info: [WorkerInfo.tokensPerSecond: "100", WorkerInfo.jobs: "x1,cli-2"]),
        Self.worker("c", alive: false, info: [WorkerInfo.tokensPerSecond: "7"]),
      ]), at: Self.begin)
    let lines = Self.lines(observation).map(\.text)
    let title = try #require(lines.firstIndex { $0.hasPrefix("workers:") })
    #expect(lines[title] == "workers: 2 alive of 3, 140.5 tokens a second")
    let rows = lines[(title + 2)...].map { $0.split(separator: " ").map(String.init) }
    #expect(rows[0] == ["a", "alive", "0.3", "s", "100", "2", "-", "x1", "cli-2"])
    #expect(rows[1] == ["b", "alive", "0.3", "s", "40.5", "2", "gpt2", "-"])
    #expect(rows[2].prefix(2) == ["c", "dead"])
  }

  @Test func whileRedisIsAwayTheScreenSaysSinceWhenAboveWhatWasSeenLast() {
    var observation = QueueObservation()
    observation.note(failure: "Redis can't be reached", at: Self.begin)
    let first = Self.lines(observation, after: 3)
    #expect(first.count == 2)
    #expect(first[1].text == "Redis can't be reached; trying again for 3.0 s")
    observation.note(Self.status(), at: Self.begin + .seconds(4))
    observation.note(failure: "Redis can't be reached", at: Self.begin + .seconds(6))
    observation.note(failure: "Redis can't be reached", at: Self.begin + .seconds(8))
    let later = Self.lines(observation, after: 9)
    #expect(
      later[1].text
        == "Redis can't be reached; trying again for 3.0 s; below is what was seen 5.0 s ago")
    #expect(later[1].style == .alarm)
    #expect(later.dropFirst(2).allSatisfy { $0.style != .plain })
  }

  @Test func namesFromRedisCannotCommandTheTerminal() {
    var observation = QueueObservation()
    observation.note(
      Self.status(
        counts: ["\u{1B}]0;x\u{7}": 1],
        workers: [Self.worker("\u{1B}[2J", info: [WorkerInfo.jobs: "a\nb", WorkerInfo.model: "é"])]),
      at: Self.begin)
    observation.note(failure: "\u{1B}[2J", at: Self.begin)
    for line in Self.lines(observation) {
      #expect(line.text.unicodeScalars.allSatisfy { ("\u{20}"..."\u{7E}").contains($0) }, "\(line.text)")
    }
  }
}
