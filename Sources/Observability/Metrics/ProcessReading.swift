import Glibc

/// What the system says of this process now; nil where it says nothing.
package struct ProcessReading {
  /// Of all threads.
  package var cpuSeconds: Double
  package var residentBytes: Int?
  package var openFiles: Int?
  package var maxFiles: Int?

  package init() {
    cpuSeconds = Double(clock()) / 1e6
    if let pages = Self.text(of: "/proc/self/statm").flatMap(Self.residentPages(statm:)) {
      residentBytes = pages * sysconf(Int32(_SC_PAGESIZE))
    }
    if let slots = Self.text(of: "/proc/self/status").flatMap(Self.fileSlots(status:)) {
      // Descriptors are below the number of slots. Listing a directory would open one more.
      openFiles = (0..<slots).count { fcntl($0, F_GETFD) >= 0 }
    }
    maxFiles = Self.text(of: "/proc/self/limits").flatMap(Self.maxFiles(limits:))
  }

  /// When this process started, in seconds since 1970.
  package static func startTime() -> Double? {
    guard let ticks = text(of: "/proc/self/stat").flatMap(startTicks(stat:)),
      let sinceBoot = text(of: "/proc/uptime").flatMap({ Double($0.prefix { $0 != " " }) })
    else { return nil }
    return Timestamp.secondsSince1970() - sinceBoot + Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}

// MARK: - What the files hold

extension ProcessReading {
  /// The second number of `/proc/self/statm`.
  package static func residentPages(statm: String) -> Int? {
    let fields = statm.split(separator: " ")
    return fields.count > 1 ? Int(fields[1]) : nil
  }

  /// How many descriptors `/proc/self/status` has room for.
  package static func fileSlots(status: String) -> Int32? {
    for line in status.split(separator: "\n") where line.hasPrefix("FDSize:") {
      return line.split(whereSeparator: \.isWhitespace).last.flatMap { Int32($0) }
    }
    return nil
  }

  /// The soft limit of `/proc/self/limits`; nil if there is none.
  package static func maxFiles(limits: String) -> Int? {
    let name = "Max open files"
    for line in limits.split(separator: "\n") where line.hasPrefix(name) {
      return line.dropFirst(name.count).split(separator: " ").first.flatMap { Int($0) }
    }
    return nil
  }

  /// Field 22 of `/proc/self/stat`: clock ticks from the boot of the system to the start of the process. The name in
  /// field 2 may hold anything, parentheses and spaces included, so the fields are counted from its end.
  package static func startTicks(stat: String) -> Int? {
    guard let name = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: name)...].split(separator: " ")
    return fields.count > 19 ? Int(fields[19]) : nil
  }
}
