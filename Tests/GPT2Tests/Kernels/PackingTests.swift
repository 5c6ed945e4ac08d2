import CKernels
import Testing

struct PackingTests {
  @Test func packedWeightsComeBackRowByRow() {
    let weights = kernelNumbers(70 * 130, seed: 2)
    let f32 = TestMatrix(CK_FORMAT_F32, inputs: 70, outputs: 130, weights: weights)
    let q8 = TestMatrix(CK_FORMAT_Q8, inputs: 70, outputs: 130, weights: weights)
    let q4 = TestMatrix(CK_FORMAT_Q4, inputs: 70, outputs: 130, weights: weights)
    for row in 0..<130 {
      let original = Array(weights[row * 70..<(row + 1) * 70])
      #expect(f32.unpackedRow(row) == original)
      let unpacked = q8.unpackedRow(row)
      for block in [0..<64, 64..<70] {
        // A block's step is rounded up to a multiple of the output's scale.
        let step = (original[block].map(abs).max() ?? 0) / 127 + q8.scales.base[row]
        for i in block { #expect(abs(unpacked[i] - original[i]) <= step * 0.501) }
      }
      let error = zip(q4.unpackedRow(row), original).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect(error < 0.03 * original.reduce(0) { $0 + $1 * $1 })
    }
  }

  @Test func fourBitsErrByLessThanEvenStepsFromTheLeastToTheGreatestWeight() {
    let (inputs, outputs) = (256, 32)
    let weights = kernelNumbers(inputs * outputs, seed: 4)
    let q4 = TestMatrix(CK_FORMAT_Q4, inputs: inputs, outputs: outputs, weights: weights)
    var error: Float = 0
    var plainError: Float = 0
    for row in 0..<outputs {
      let unpacked = q4.unpackedRow(row)
      for block in stride(from: 0, to: inputs, by: Int(CK_Q4_BLOCK)) {
        let original = weights[row * inputs + block..<row * inputs + block + Int(CK_Q4_BLOCK)]
        let least = min(0, original.min() ?? 0)
        let step = (max(0, original.max() ?? 0) - least) / 15
        for (v, w) in zip(unpacked[block...], original) {
          error += (v - w) * (v - w)
          let plain = least + step * ((w - least) / step).rounded()
          plainError += (plain - w) * (plain - w)
        }
      }
    }
    #expect(error < 0.95 * plainError)
  }

  @Test(arguments: [CK_FORMAT_Q8.rawValue, CK_FORMAT_Q4.rawValue])
  func zerosTinyAndHugeWeightsStayFinite(_ format: UInt32) {
    let rows: [[Float]] = [
      [Float](repeating: 0, count: 96), [Float](repeating: Float.leastNormalMagnitude / 1000, count: 96),
      [Float](repeating: 1e37, count: 96),
      [Float](repeating: -2, count: 96), (0..<96).map { $0 == 3 ? 5 : 0 },
      (0..<96).map { $0 < 64 ? 1e-12 : 1 },
    ]
    let matrix = TestMatrix(
      ck_format(rawValue: format), inputs: 96, outputs: rows.count, weights: rows.flatMap { $0 })
    for (index, row) in rows.enumerated() {
      let greatest = row.map(abs).max() ?? 0
      for (v, w) in zip(matrix.unpackedRow(index), row) { #expect(abs(v - w) <= 0.04 * greatest + 1e-30) }
    }
  }
}
