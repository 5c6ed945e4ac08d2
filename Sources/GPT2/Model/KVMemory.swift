import Glibc

/// The memory of keys and values, in pages of 16 positions. A page holds its positions of one sequence in all layers
/// and heads; which page belongs to whom is not this type's business.
///
/// The whole is reserved at once; the system provides it as pages are first written.
package final class KVMemory {
  package enum Precision: String, Sendable, CaseIterable {
    case f32, f16
    /// 8 bits with a scale for every key and value of a head.
    case int8
  }

  package let precision: Precision
  package let pageCount: Int
  private let pageBytes: Int
  private let memory: UnsafeMutableRawPointer

  /// How many pages a sequence of so many tokens takes.
  package static func pages(for tokens: Int) -> Int { (tokens + pagePositions - 1) / pagePositions }

  /// `pageCount` is at least 1.
  init(config: GPT2Config, pageCount: Int, precision: Precision) throws(GPT2Error) {
    pageBytes = Self.pageBytes(config: config, precision: precision)
    let (size, overflows) = pageBytes.multipliedReportingOverflow(by: pageCount)
    guard !overflows,
      let memory = mmap(
        nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else {
      throw GPT2Error(
        .unavailable, "no memory for a K/V cache of \(pageCount) pages of \(pageBytes) bytes")
    }
    self.precision = precision
    self.pageCount = pageCount
    self.memory = memory
  }

  deinit { munmap(memory, pageBytes * pageCount) }

  /// `index` is in `0..<pageCount`.
  func page(_ index: Int32) -> UnsafeMutableRawPointer { memory + Int(index) * pageBytes }
}
