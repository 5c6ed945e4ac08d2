import Glibc

/// Rows of floats, each padded to a multiple of 64 floats and beginning at a multiple of 64 bytes. All are zero at
/// first, and take no memory before they are written.
final class AlignedFloats {
  let rows: Rows
  let count: Int
  private let size: Int

  init(rows count: Int, width: Int) throws(GPT2Error) {
    let stride = KernelLayout.padded(width)
    size = max(1, count) * stride * MemoryLayout<Float>.size
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else {
      throw GPT2Error(.unavailable, "no memory for \(count) rows of \(width) activations")
    }
    rows = Rows(base: memory.bindMemory(to: Float.self, capacity: size / 4), stride: stride)
    self.count = count
  }

  deinit { munmap(rows.base, size) }
}
