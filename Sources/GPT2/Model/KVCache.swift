import Glibc

/// The keys and values of up to `slots` sequences, each up to `context` positions, in all layers.
///
/// The memory is reserved at once, and bounded by `bytes(...)`; the system provides its pages as sequences
/// first reach them.
package final class KVCache {
  package enum Precision: String, Sendable {
    case f32, f16

    var bytes: Int { self == .f32 ? 4 : 2 }
  }

  package let precision: Precision
  package let slots: Int
  package let context: Int
  /// Elements of one head in one layer of one slot, see `ck_span`.
  let keysPerHead: Int
  let valuesPerHead: Int
  private let layerBytes: Int
  private let slotBytes: Int
  private let valuesOffset: Int
  private let memory: UnsafeMutableRawPointer
  private let size: Int

  /// The memory that a cache of these measures may come to use.
  package static func bytes(config: GPT2Config, slots: Int, context: Int, precision: Precision) -> Int {
    let perHead = elementsPerHead(config, context)
    return slots * config.layers * config.heads * (perHead.keys + perHead.values) * precision.bytes
  }

  private static func elementsPerHead(_ config: GPT2Config, _ context: Int) -> (keys: Int, values: Int) {
    let positions = (context + 15) / 16 * 16
    return (positions * config.headWidth, positions * ((config.headWidth + 15) / 16 * 16))
  }

  /// `slots` and `context` are at least 1.
  init(config: GPT2Config, slots: Int, context: Int, precision: Precision) throws(GPT2Error) {
    let perHead = Self.elementsPerHead(config, context)
    let size = Self.bytes(config: config, slots: slots, context: context, precision: precision)
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else {
      throw GPT2Error(
        .unavailable, "no memory for a K/V cache of \(slots) sequences of \(context) tokens (\(size) bytes)")
    }
    self.precision = precision
    self.slots = slots
    self.context = context
    keysPerHead = perHead.keys
    valuesPerHead = perHead.values
    valuesOffset = config.heads * perHead.keys * precision.bytes
    layerBytes = config.heads * (perHead.keys + perHead.values) * precision.bytes
    slotBytes = layerBytes * config.layers
    self.memory = memory
    self.size = size
  }

  deinit { munmap(memory, size) }

  /// The first head's keys of a slot in a layer.
  func keys(slot: Int, layer: Int) -> UnsafeMutableRawPointer {
    memory + slot * slotBytes + layer * layerBytes
  }

  /// The first head's values of a slot in a layer.
  func values(slot: Int, layer: Int) -> UnsafeMutableRawPointer {
    keys(slot: slot, layer: layer) + valuesOffset
  }

  /// Gives a slot's pages back to the system.
  func discard(slot: Int) {
    let page = max(1, Int(sysconf(Int32(_SC_PAGESIZE))))
    let start = (slot * slotBytes + page - 1) / page * page
    let end = (slot + 1) * slotBytes / page * page
    if start < end { madvise(memory + start, end - start, MADV_DONTNEED) }
  }
}
