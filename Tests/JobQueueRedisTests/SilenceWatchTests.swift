import JobQueueRedis
import Testing

/// Who is taken for dead, second by second.
struct SilenceWatchTests {
  private static let start = ContinuousClock.now

  /// The times, in seconds after the start, at which a worker is taken for dead by one that looks every second.
  ///
  /// - Parameters:
  ///   - beat: the worker's last sign of life at a time, in seconds of Redis's clock.
  ///   - storeTime: Redis's clock at a time.
  ///   - away: when nobody could look.
  private func deaths(
    until end: Int = 60, away: Range<Int> = 0..<0, storeTime: (Int) -> Int = { 1000 + $0 },
    _ beat: (Int) -> Int
  ) -> [Int] {
    var watch = SilenceWatch(lease: .seconds(15), interval: .seconds(1))
    return (0..<end).filter { !away.contains($0) }.filter { time in
      !watch.silent(
        among: [(worker: "w", beat: "\(beat(time) * 1000)")], now: Self.start + .seconds(time),
        storeTime: .seconds(storeTime(time))
      ).isEmpty
    }
  }

  @Test func oneThatBeatsLives() {
    #expect(deaths { 1000 + $0 }.isEmpty)
    #expect(deaths { 1000 + $0 / 14 * 14 }.isEmpty)
  }

  @Test func oneThatStopsIsDeadAfterTheLease() {
    #expect(deaths { 1000 + min($0, 20) } == Array(36..<60))
  }

  @Test func oneThatWasSilentBeforeTheFirstLookIsDeadAfterHalfOfIt() {
    #expect(deaths { _ in 500 } == Array(8..<60))
  }

  @Test func oneThatLeftInOrderIsDeadAtOnce() {
    #expect(deaths { _ in 0 } == Array(0..<60))
  }

  @Test func whoCouldNotBeatBecauseNobodyCouldIsGivenTime() {
    #expect(deaths(away: 10..<40) { $0 < 10 ? 1000 + $0 : $0 < 45 ? 1009 : 1000 + $0 }.isEmpty)
    #expect(deaths(away: 10..<40) { min($0, 9) + 1000 } == Array(48..<60))
  }

  @Test func aClockThatIsSetBackKeepsNobodyAliveAndOneThatIsSetForwardKillsNobody() {
    let back = { (time: Int) in time < 20 ? 1000 + time : 500 + time }
    let forward = { (time: Int) in time < 20 ? 1000 + time : 5000 + time }
    #expect(deaths(storeTime: back, { 1000 + min($0, 20) }) == Array(36..<60))
    #expect(deaths(storeTime: forward, { ($0 < 20 ? 1000 : 5000) + $0 / 4 * 4 }).isEmpty)
  }
}
