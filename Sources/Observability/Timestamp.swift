import Glibc

/// The time of day in UTC, as RFC 3339 spells it.
package enum Timestamp {
  static func now() -> String {
    let now = sinceEpoch()
    return text(seconds: now.seconds, nanoseconds: now.nanoseconds)
  }

  static func secondsSince1970() -> Double {
    let now = sinceEpoch()
    return Double(now.seconds) + Double(now.nanoseconds) / 1e9
  }

  private static func sinceEpoch() -> (seconds: Int, nanoseconds: Int) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return (time.tv_sec, time.tv_nsec)
  }

  package static func text(seconds: Int, nanoseconds: Int) -> String {
    var seconds = seconds
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return padded(Int(parts.tm_year) + 1900, 4) + "-" + padded(Int(parts.tm_mon) + 1, 2) + "-"
      + padded(Int(parts.tm_mday), 2) + "T" + padded(Int(parts.tm_hour), 2) + ":"
      + padded(Int(parts.tm_min), 2) + ":" + padded(Int(parts.tm_sec), 2) + "."
      + padded(nanoseconds / 1_000_000, 3) + "Z"
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
