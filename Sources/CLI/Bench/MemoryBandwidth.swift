import Glibc
import Synchronization

/// How fast this machine reads memory: the limit of everything that must read all weights for every token.
struct MemoryBandwidth {
  /// Bytes that are read over and over, in equal parts by all threads.
  let bytes: Int
  let threads: Int

  /// A load of 16 bytes, which every machine has; the loop waits for the memory, not for instructions.
  private typealias Line = SIMD2<UInt64>
  private static let linesPerTurn = 16
  private static let runs = 5
  private static let secondsPerRun = 0.1

  /// The best of several measurements, in bytes a second: it is a limit, and whatever else runs only lowers it.
  ///
  /// The memory is its own, in huge pages where they can be had, and is given back. So the process's greatest
  /// resident size is to be read before.
  func measure() throws -> Double {
    let part = max(bytes / threads / MemoryLayout<Line>.stride / Self.linesPerTurn, 1) * Self.linesPerTurn
    let size = part * MemoryLayout<Line>.stride * threads
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else {
      throw ThreadTeam.Failure(description: "no memory of \(size) bytes to measure the bandwidth with")
    }
    defer { munmap(memory, size) }
    madvise(memory, size, Int32(MADV_HUGEPAGE))
    // Pages that were never written are all the same one.
    let lines = memory.bindMemory(to: Line.self, capacity: part * threads)
    lines.initialize(repeating: Line(repeating: 0x5A5A), count: part * threads)

    let region = Region(base: lines)
    _ = try seconds(region, part: part, passes: 1)
    let passes = max(1, Int((Self.secondsPerRun / (try seconds(region, part: part, passes: 1))).rounded()))
    let rates = try (0..<Self.runs).map { _ in
      Double(size * passes) / (try seconds(region, part: part, passes: passes))
    }
    return rates.max() ?? 0
  }

  /// Sendable because the memory was written before any thread gets it, is only read by them, and stays mapped until
  /// `ThreadTeam.run` has waited for all of them.
  private struct Region: @unchecked Sendable {
    let base: UnsafePointer<Line>

    init(base: UnsafeMutablePointer<Line>) { self.base = UnsafePointer(base) }
  }

  private final class Spans: Sendable {
    let all = Mutex<[(begin: ContinuousClock.Instant, end: ContinuousClock.Instant)]>([])
    /// What was read goes here, so that the reading has a result and is not left out.
    let sum = Atomic(0 as UInt64)
  }

  /// From the first thread's start to the last one's end.
  private func seconds(_ region: Region, part: Int, passes: Int) throws -> Double {
    let spans = Spans()
    try ThreadTeam.run(threads) { index in
      let begin = ContinuousClock.now
      for _ in 0..<passes {
        spans.sum.bitwiseXor(Self.read(region.base + index * part, count: part), ordering: .relaxed)
      }
      let end = ContinuousClock.now
      spans.all.withLock { $0.append((begin, end)) }
    }
    return spans.all.withLock { all in
      guard let begin = all.map(\.begin).min(), let end = all.map(\.end).max() else { return .infinity }
      return max((end - begin) / .seconds(1), 1e-9)
    }
  }

  @inline(never)
  private static func read(_ lines: UnsafePointer<Line>, count: Int) -> UInt64 {
    var (a, b, c, d, e, f, g, h) = (
      Line(), Line(), Line(), Line(), Line(), Line(), Line(), Line()
    )
    var next = lines
    let end = lines + count
    while next < end {
      a ^= next[0]
      b ^= next[1]
      c ^= next[2]
      d ^= next[3]
      e ^= next[4]
      f ^= next[5]
      g ^= next[6]
      h ^= next[7]
      a ^= next[8]
      b ^= next[9]
      c ^= next[10]
      d ^= next[11]
      e ^= next[12]
      f ^= next[13]
      g ^= next[14]
      h ^= next[15]
      next += linesPerTurn
    }
    let all = a ^ b ^ c ^ d ^ e ^ f ^ g ^ h
    return all[0] ^ all[1]
  }
}
