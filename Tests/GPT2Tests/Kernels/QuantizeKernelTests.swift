import CKernels
import Testing

struct QuantizeKernelTests {
  static let rows: [[Float]] = [
    [Float](repeating: 0, count: 64), [Float](repeating: 3, count: 64), [Float](repeating: -3, count: 64),
    (0..<64).map { Float($0) }, (0..<64).map { -Float($0) / 1e6 }, (0..<64).map { Float($0 - 20) * 1e6 },
    [Float](repeating: 1e-35, count: 64), kernelNumbers(64, seed: 4), kernelNumbers(768, seed: 5),
    (0..<64).map { $0 == 7 ? 1000 : 0.5 }, (0..<64).map { $0 == 7 ? -1000 : 0 },
    (0..<128).map { $0 % 20 == 7 ? -30 : Float($0) / 128 },
    (0..<128).map { $0 % 2 == 0 ? 30 : -0.1 },
  ]

  @Test(arguments: rows)
  func quantizationErrsByAStepAtMostAndKeepsZeroExact(_ row: [Float]) {
    let quantized = QuantizedRow(CK_LEVEL_SCALAR, row, padded: row.count)
    #expect((0...255).contains(quantized.zero))
    #expect(quantized.values.filter { !(0...255).contains($0) }.count <= Int(CK_OUTLIERS))
    for (value, q) in zip(row, quantized.values) {
      let back = quantized.scale * Float(Int32(q) - quantized.zero)
      // Zero and value are each rounded to the grid, so an end of the range may be clamped by half a step more.
      #expect(abs(back - value) <= quantized.scale * 1.001 + 1e-30)
      if value == 0 { #expect(back == 0) }
    }
  }

  @Test(arguments: rows)
  func everyLevelQuantizesAlike(_ row: [Float]) {
    let expected = QuantizedRow(CK_LEVEL_SCALAR, row, padded: row.count)
    for level in availableCodes { #expect(QuantizedRow(level, row, padded: row.count) == expected) }
  }

  @Test func aFewValuesFarFromTheOthersDoNotMakeTheirStepsCoarse() {
    var row = kernelNumbers(768, seed: 9).map { max(-1, min(1, $0)) }
    let plain = QuantizedRow(CK_LEVEL_SCALAR, row, padded: 768)
    for (i, place) in [5, 77, 300].enumerated() { row[place] = i == 1 ? -90 : 70 }
    let quantized = QuantizedRow(CK_LEVEL_SCALAR, row, padded: 768)
    #expect(quantized.scale <= plain.scale * 1.001)
    for place in [5, 77, 300] {
      let back = quantized.scale * Float(Int32(quantized.values[place]) - quantized.zero)
      #expect(abs(back - row[place]) <= quantized.scale)
    }
  }
}
