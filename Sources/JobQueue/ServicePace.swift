/// How fast jobs are finished, from counts in spans of five seconds: of the last five to ten seconds.
struct ServicePace {
  /// What to assume where no job was finished lately: that the present jobs take as long as was looked back.
  static let unknown = Duration.seconds(10)
  private static let span = Duration.seconds(5)

  private var current = 0
  private var count = 0
  private var before = 0

  /// Notes that a job was finished.
  mutating func serve(now: Duration) {
    let span = Int(now / Self.span)
    if span != current {
      before = span == current + 1 ? count : 0
      count = 0
      current = span
    }
    count += 1
  }

  /// In what time so many jobs will be finished; nil if none was finished lately.
  func time(for jobs: Int, now: Duration) -> Duration? {
    let span = Int(now / Self.span)
    let served = span == current ? count + before : span == current + 1 ? count : 0
    guard served > 0 else { return nil }
    return (now - Self.span * (span - 1)) * jobs / served
  }
}
