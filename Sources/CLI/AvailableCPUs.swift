import Glibc

/// The CPUs that this process may use: what `THREADS=auto` means.
///
/// The machine may have more: a container, a systemd unit or `taskset` gives a process some of them, either by
/// name (its affinity) or as time (the quota of its control group, which is rounded up to whole CPUs).
enum AvailableCPUs {
  static var count: Int { max(1, min(affinity, quota ?? affinity)) }

  private static var affinity: Int {
    read("/proc/self/status").flatMap(affinity(status:)) ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  /// - Parameter status: `/proc/self/status`, with a line like `Cpus_allowed_list: 0-3,8`.
  static func affinity(status: String) -> Int? {
    let title = "Cpus_allowed_list:"
    let line = status.split(separator: "\n").first { $0.hasPrefix(title) }
    guard let line else { return nil }
    var count = 0
    for range in line.dropFirst(title.count).filter({ !$0.isWhitespace }).split(separator: ",") {
      let ends = range.split(separator: "-").map { Int($0) ?? .max }
      guard let first = ends.first, let last = ends.last, first <= last, last < .max else { return nil }
      count += last - first + 1
    }
    return count > 0 ? count : nil
  }

  /// The smallest quota of the process's control group and those above it.
  private static var quota: Int? {
    quota(groups: read("/proc/self/cgroup") ?? "", read: read)
  }

  /// - Parameters:
  ///   - groups: `/proc/self/cgroup`.
  ///   - read: the contents of a file, nil if there is none.
  static func quota(groups: String, read: (String) -> String?) -> Int? {
    var quotas: [Int] = []
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: ",")
      for group in lineage(of: fields[2]) {
        if fields[1].isEmpty {
          quotas += [read("/sys/fs/cgroup\(group)/cpu.max").flatMap(quota(max:))].compactMap(\.self)
        } else if controllers.contains("cpu") {
          let folder = "/sys/fs/cgroup/cpu\(group)"
          guard let time = read(folder + "/cpu.cfs_quota_us"),
            let period = read(folder + "/cpu.cfs_period_us")
          else { continue }
          quotas += [quota(time: time, period: period)].compactMap(\.self)
        }
      }
    }
    return quotas.min()
  }

  /// `/a/b` gives `/a/b`, `/a` and the root, which is empty.
  private static func lineage(of group: Substring) -> [String] {
    let parts = group.split(separator: "/")
    return (0...parts.count).reversed().map { parts[..<$0].map { "/" + $0 }.joined() }
  }

  /// `cpu.max` of version 2: `max 100000`, or the microseconds in each period and the period.
  static func quota(max text: String) -> Int? {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 2 else { return nil }
    return quota(time: String(words[0]), period: String(words[1]))
  }

  /// `cpu.cfs_quota_us`, negative if there is no limit, and `cpu.cfs_period_us` of version 1.
  static func quota(time: String, period: String) -> Int? {
    func number(_ text: String) -> Int? { Int(text.filter { !$0.isWhitespace }) }
    guard let time = number(time), let period = number(period), time > 0, period > 0 else { return nil }
    return Swift.max(1, (time + period - 1) / period)
  }

  private static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
  }
}
