/// A tensor's payloads in memory, ready to be written.
///
/// 8-bit weights are symmetric with one scale per output channel: w ≈ scale · q, q in -127...127, so that the
/// largest weight of each row is exact. The sums of each row's q let the kernels subtract the zero point of
/// asymmetric activations: Σ(a − z)q = Σaq − zΣq.
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
    guard header.storage(of: name) == .int8 else {
      return [
        buffer(payloads[0].size) { PackedMatrix.packF32(values, inputs: inputs, outputs: outputs, into: $0) }
      ]
    }
    guard inputs <= KernelLayout.maxQuantizedInputs else {
      throw GPT2Error(
        .invalidArgument,
        "a layer of \(inputs) inputs can't be quantized to int8, which takes at most "
          + "\(KernelLayout.maxQuantizedInputs); convert with f32")
    }
    var scales: [UInt8] = []
    var sums: [UInt8] = []
    let weights = buffer(payloads[0].size) { packed in
      scales = buffer(payloads[1].size) { scaleBytes in
        sums = buffer(payloads[2].size) { sumBytes in
          PackedMatrix.packInt8(
            values, inputs: inputs, outputs: outputs, into: packed,
            scales: scaleBytes.assumingMemoryBound(to: Float.self),
            sums: sumBytes.assumingMemoryBound(to: Int32.self))
        }
      }
    }
    return [weights, scales, sums]
  }

  private static func buffer(_ size: Int, _ fill: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
      if let base = bytes.baseAddress { fill(UnsafeMutableRawPointer(base)) }
      count = size
    }
  }
}
