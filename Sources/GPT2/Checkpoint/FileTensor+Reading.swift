import Glibc

extension FileTensor {
  /// The elements as f32, row-major.
  package func floats() throws(GPT2Error) -> [Float] {
    let count = try readableCount()
    var values = [Float](repeating: 0, count: count)
    var failure: GPT2Error?
    values.withUnsafeMutableBufferPointer { buffer in
      do throws(GPT2Error) { try read(into: buffer) } catch { failure = error }
    }
    if let failure { throw failure }
    return values
  }

  /// The elements in their own type, little-endian and row-major, in one piece.
  package func bytes() throws(GPT2Error) -> [UInt8] {
    let count = try readableCount() * elementType.size
    var result = [UInt8](repeating: 0, count: count)
    result.withUnsafeMutableBytes { gather(into: $0) }
    return result
  }

  /// The bytes of `bytes()` piece by piece, about a megabyte each; the pages of the file are let go behind.
  package func forEachPiece(_ body: (UnsafeRawBufferPointer) -> Void) throws(GPT2Error) {
    try readableCount()
    for piece in pieces() {
      if piece.isContiguous {
        let range = piece.extent
        file.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
      } else {
        let bytes = try piece.bytes()
        bytes.withUnsafeBytes(body)
      }
    }
    file.drop(extent)
  }

  /// The elements as f32, row-major, into a buffer of `count` elements.
  func read(into values: UnsafeMutableBufferPointer<Float>) throws(GPT2Error) {
    guard try readableCount() == values.count else {
      throw GPT2Error(
        .invalidArgument, "tensor \(name): the buffer holds \(values.count) values, not \(count)")
    }
    defer { file.drop(extent) }
    if elementType == .float32 {
      // A transposed view uses all its pages for each piece; only of a contiguous one are they done with.
      var done = 0
      for piece in isContiguous ? pieces() : [self] {
        let target = UnsafeMutableBufferPointer(rebasing: values[done..<done + piece.count])
        piece.gather(into: UnsafeMutableRawBufferPointer(target))
        file.drop(piece.extent)
        done += piece.count
      }
      return
    }
    guard elementType.isReal else {
      throw GPT2Error(.unsupportedFormat, "tensor \(name): \(dtype) can't be read as numbers here")
    }
    var done = 0
    for piece in pieces() {
      let bytes = try piece.bytes()
      let target = UnsafeMutableBufferPointer(rebasing: values[done..<done + piece.count])
      bytes.withUnsafeBytes { convert($0, into: target) }
      done += piece.count
    }
  }

  /// Whether both hold equal values, without holding either in memory.
  func hasSameValues(as other: FileTensor) throws(GPT2Error) -> Bool {
    guard shape == other.shape, refusal == nil, other.refusal == nil else { return false }
    if isSameMemory(as: other) { return true }
    try readableCount()
    try other.readableCount()
    let mine = pieces()
    let theirs = other.pieces()
    for (left, right) in zip(mine, theirs) {
      if left.elementType == right.elementType, left.isContiguous, right.isContiguous {
        guard left.isSameRun(as: right) else { return false }
      } else {
        guard try left.floats() == right.floats() else { return false }
      }
      file.drop(left.extent)
      other.file.drop(right.extent)
    }
    return true
  }

  /// Of two contiguous tensors of one type and shape.
  private func isSameRun(as other: FileTensor) -> Bool {
    file.withBytes { mine in
      other.file.withBytes { theirs in
        guard let left = mine.baseAddress, let right = theirs.baseAddress else { return false }
        return memcmp(left + start, right + other.start, extent.count) == 0
      }
    }
  }

  /// An expanded tensor (stride 0) of a few bytes may claim any size: nothing greater than its file is read.
  @discardableResult func readableCount() throws(GPT2Error) -> Int {
    if let refusal { throw GPT2Error(.unsupportedFormat, "tensor \(name): \(refusal)") }
    let limit = file.count + (1 << 24)
    guard count <= limit / elementType.size else {
      throw GPT2Error(
        .corruptFile,
        "tensor \(name) of shape \(shape) claims more bytes than the whole file of \(file.count) has")
    }
    return count
  }

  private var isContiguous: Bool {
    let axes = Axis.merged(shape: shape, strides: strides)
    return axes.isEmpty || (axes.count == 1 && axes[0].stride == 1)
  }

  /// Views of about a million elements along the first dimension.
  private func pieces() -> [FileTensor] {
    guard let rows = shape.first, count > 0 else { return [self] }
    let step = max(1, (1 << 20) / max(1, count / rows))
    return stride(from: 0, to: rows, by: step).map { self.rows($0..<min(rows, $0 + step)) }
  }

  private func convert(_ raw: UnsafeRawBufferPointer, into values: UnsafeMutableBufferPointer<Float>) {
    func each<Element>(_ type: Element.Type, _ value: (Element) -> Float) {
      let size = MemoryLayout<Element>.size
      for index in 0..<values.count {
        values[index] = value(raw.loadUnaligned(fromByteOffset: index * size, as: type))
      }
    }
    switch elementType {
    case .float64: each(UInt64.self) { Float(Double(bitPattern: $0)) }
    case .float32: each(UInt32.self) { Float(bitPattern: $0) }
    case .float16: each(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .bfloat16: each(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .int64: each(Int64.self) { Float($0) }
    case .int32: each(Int32.self) { Float($0) }
    case .int16: each(Int16.self) { Float($0) }
    case .int8: each(Int8.self) { Float($0) }
    case .uint8: each(UInt8.self) { Float($0) }
    case .bool: each(UInt8.self) { $0 == 0 ? 0 : 1 }
    case .uint64: each(UInt64.self) { Float($0) }
    case .uint32: each(UInt32.self) { Float($0) }
    case .uint16: each(UInt16.self) { Float($0) }
    case .complex128, .complex64, .complex32, .float8E4M3, .float8E5M2: break
    }
  }
}

/// One dimension of a strided copy.
private struct Axis {
  var size: Int
  var stride: Int

  /// Without dimensions of one element, and with neighbours joined that are one run in memory.
  static func merged(shape: [Int], strides: [Int]) -> [Axis] {
    var axes: [Axis] = []
    for (size, stride) in zip(shape, strides) where size != 1 {
      if let last = axes.last, last.stride == stride * size {
        axes[axes.count - 1] = Axis(size: last.size * size, stride: stride)
      } else {
        axes.append(Axis(size: size, stride: stride))
      }
    }
    return axes
  }
}

extension FileTensor {
  /// Copies the elements row-major into a buffer of `count · elementType.size` bytes.
  private func gather(into target: UnsafeMutableRawBufferPointer) {
    guard count > 0, let output = target.baseAddress else { return }
    file.withBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let source = base + start
      switch elementType.size {
      case 1: Self.copy(UInt8.self, Axis.merged(shape: shape, strides: strides), source, output)
      case 2: Self.copy(UInt16.self, Axis.merged(shape: shape, strides: strides), source, output)
      case 4: Self.copy(UInt32.self, Axis.merged(shape: shape, strides: strides), source, output)
      case 8: Self.copy(UInt64.self, Axis.merged(shape: shape, strides: strides), source, output)
      default:
        // Two words an element: one more dimension.
        let axes = Axis.merged(shape: shape + [2], strides: strides.map { $0 * 2 } + [1])
        Self.copy(UInt64.self, axes, source, output)
      }
    }
  }

  /// Tiles keep both sides of a transposition in the first-level cache.
  private static func copy<Element: FixedWidthInteger>(
    _ type: Element.Type, _ axes: [Axis], _ source: UnsafeRawPointer, _ output: UnsafeMutableRawPointer
  ) {
    let size = MemoryLayout<Element>.size
    guard let inner = axes.last else {
      output.copyMemory(from: source, byteCount: size)
      return
    }
    let outer = axes.count > 1 ? axes[axes.count - 2] : Axis(size: 1, stride: 0)
    var index = [Int](repeating: 0, count: max(0, axes.count - 2))
    var written = 0
    while true {
      let offset = zip(index, axes).reduce(0) { $0 + $1.0 * $1.1.stride }
      copyPlane(type, outer, inner, source + offset * size, output + written * size)
      written += outer.size * inner.size
      var axis = index.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < axes[axis].size { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  private static func copyPlane<Element: FixedWidthInteger>(
    _ type: Element.Type, _ outer: Axis, _ inner: Axis, _ source: UnsafeRawPointer,
    _ output: UnsafeMutableRawPointer
  ) {
    let size = MemoryLayout<Element>.size
    if inner.stride == 1 {
      for row in 0..<outer.size {
        (output + row * inner.size * size).copyMemory(
          from: source + row * outer.stride * size, byteCount: inner.size * size)
      }
      return
    }
    let tile = 32
    for rowStart in stride(from: 0, to: outer.size, by: tile) {
      let rowEnd = min(outer.size, rowStart + tile)
      for columnStart in stride(from: 0, to: inner.size, by: tile) {
        let columnEnd = min(inner.size, columnStart + tile)
        for row in rowStart..<rowEnd {
          for column in columnStart..<columnEnd {
            let value = source.loadUnaligned(
              fromByteOffset: (row * outer.stride + column * inner.stride) * size, as: type)
            output.storeBytes(of: value, toByteOffset: (row * inner.size + column) * size, as: type)
          }
        }
      }
    }
  }
}
