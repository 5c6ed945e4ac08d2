import Glibc

/// The time of day, where clients are told it.
enum WallClock {
  /// Seconds since 1970.
  static var seconds: Int { time(nil) }
}
