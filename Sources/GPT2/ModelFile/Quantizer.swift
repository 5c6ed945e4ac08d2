/// A tensor's payloads in memory, ready to be written.
///
/// Weights of 8 and 4 bits are in blocks along the inputs, each with a step of its own, so that one heavy weight
/// makes only its own block coarse. The sums of each row's weights let the kernels take the zero point of
/// asymmetric activations out again: Σ(a − z)w = Σaw − zΣw.
enum Quantizer {
  /// The payloads of `values`, in the order of `header.payloads(of:)`. `values` has the tensor's shape.
  static func pack(
    _ values: [Float], of name: ModelTensor, header: ModelFileHeader
  ) throws(GPT2Error) -> [[UInt8]] {
    let payloads = header.payloads(of: name)
    let shape = name.shape(in: header.config, head: header.head)
    guard shape.count == 2, name != .positionEmbedding else {
      var bytes = values.withUnsafeBytes { [UInt8]($0) }
      bytes += [UInt8](repeating: 0, count: payloads[0].size - bytes.count)
      return [bytes]
    }
    let (outputs, inputs) = (shape[0], shape[1])
    let storage = header.storage(of: name)
    var scales: [UInt8] = []
    var sums: [UInt8] = []
    let weights = buffer(payloads[0].size) { packed in
      guard storage != .f32 else {
        PackedMatrix.pack(
          values, as: .f32, inputs: inputs, outputs: outputs, into: packed, scales: nil, sums: nil)
        return
      }
      scales = buffer(payloads[1].size) { scaleBytes in
        sums = buffer(payloads[2].size) { sumBytes in
          PackedMatrix.pack(
            values, as: storage, inputs: inputs, outputs: outputs, into: packed,
            scales: scaleBytes.assumingMemoryBound(to: Float.self),
            sums: sumBytes.assumingMemoryBound(to: Float.self))
        }
      }
    }
    return storage == .f32 ? [weights] : [weights, scales, sums]
  }

  private static func buffer(_ size: Int, _ fill: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
      if let base = bytes.baseAddress { fill(UnsafeMutableRawPointer(base)) }
      count = size
    }
  }
}
