import Glibc

/// Rows of floats at 64 bytes, zero at first, each row padded to a multiple of 64 floats.
final class AlignedFloats {
  let rows: Rows
  let count: Int

  init(rows count: Int, width: Int) throws(GPT2Error) {
    let stride = KernelLayout.padded(width)
    let size = max(1, count) * stride * MemoryLayout<Float>.size
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, 64, size) == 0, let memory else {
      throw GPT2Error(.unavailable, "no memory for \(count) rows of \(width) activations")
    }
    memset(memory, 0, size)
    rows = Rows(base: memory.bindMemory(to: Float.self, capacity: size / 4), stride: stride)
    self.count = count
  }

  deinit { free(rows.base) }
}
