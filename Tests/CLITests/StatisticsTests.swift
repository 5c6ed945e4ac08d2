import Testing

@testable import CLI

@Suite struct StatisticsTests {
  @Test func theMedianIsTheMiddleOne() {
    #expect(Statistics.median([3, 1, 2]) == 2)
    #expect(Statistics.median([4, 1, 2, 3]) == 2.5)
    #expect(Statistics.median([]) == nil)
  }

  @Test(arguments: [(0.5, 50.0), (0.95, 95), (0.99, 99), (1, 100), (0.001, 1)])
  func aPercentileIsTheSmallestValueThatThisPartDoesNotExceed(part: Double, value: Double) {
    #expect(Statistics.percentile(part, of: (1...100).map(Double.init).shuffled()) == value)
  }

  @Test func ofFewValuesTheHighPercentilesAreTheGreatest() {
    #expect(Statistics.percentile(0.99, of: [5]) == 5)
    #expect(Statistics.percentile(0.95, of: [1, 2, 3]) == 3)
    #expect(Statistics.percentile(0.5, of: []) == nil)
  }

  @Test func oneSequenceIsMeasuredFromItsFirstTokenToItsLast() throws {
    let window = try #require(DecodeWindow(arrivals: [[1, 2, 3, 5]]))
    #expect(window.seconds == 4)
    #expect(window.tokens == 3)
    #expect(window.tokensPerSecond == 0.75)
  }

  @Test func onlyTheTimeInWhichAllSequencesRunCounts() throws {
    // The second one begins two steps later; the first one ends while it still has two tokens to go.
    let window = try #require(
      DecodeWindow(arrivals: [[1, 2, 3, 4, 5, 6], [3.1, 4.1, 5.1, 6.1, 7.1, 8.1]]))
    #expect(abs(window.seconds - 2) < 1e-9)
    #expect(window.tokens == 4)
  }

  @Test func aSequenceThatEndsBeforeAnotherBeginsLeavesNothingToMeasure() {
    #expect(DecodeWindow(arrivals: [[1, 2], [3, 4]]) == nil)
    #expect(DecodeWindow(arrivals: [[1]]) == nil)
    #expect(DecodeWindow(arrivals: []) == nil)
  }

  @Test func thePeakOfTheMemoryIsReadFromTheStatus() {
    #expect(
      ProcessMemory.peakBytes(status: "VmPeak:\t 9 kB\nVmHWM:\t  1234 kB\nVmRSS:\t 9 kB\n") == 1234 << 10)
    #expect(ProcessMemory.peakBytes(status: "VmRSS:\t 9 kB\n") == nil)
    #expect((ProcessMemory.peakBytes ?? 0) > 1 << 20)
  }

  @Test func theBandwidthIsThatOfAMachine() throws {
    #expect(try MemoryBandwidth(bytes: 1 << 20, threads: 2).measure() > 1e6)
    #expect(try MemoryBandwidth(bytes: 1, threads: 1).measure() > 1)
  }
}
