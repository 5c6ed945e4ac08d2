import CKernels
import Foundation
import Testing

struct FloatKernelTests {
  @Test(arguments: availableCodes.map(\.rawValue))
  func geluIsExactToAMillionth(_ code: UInt32) {
    let level = ck_level(rawValue: code)
    var values = stride(from: -12, through: 12, by: 0.0037).map { Float($0) }
    values += [0, -0.0, 1e-20, -1e-20, 30, -30, 1e4, -1e4]
    let x = PaddedRows(values, rows: 1, width: values.count)
    for which in [CK_OUTPUT_GELU_TANH, CK_OUTPUT_GELU_ERF] {
      let y = PaddedRows(values, rows: 1, width: values.count)
      ck_test_gelu(level, which, y.base, y.stride)
      for (value, result) in zip(x.row(0), y.row(0)) {
        let v = Double(value)
        let expected =
          which == CK_OUTPUT_GELU_ERF
          ? 0.5 * v * erfc(-v / 2.squareRoot())
          : v / (1 + exp(-2 * (2 / Double.pi).squareRoot() * (v + 0.044715 * v * v * v)))
        #expect(
          abs(Double(result) - expected) <= 1e-6 * max(1, abs(expected)), "\(which.rawValue) at \(value)")
      }
    }
  }

  @Test(arguments: availableCodes.map(\.rawValue))
  func layerNormAgreesWithDoublesAtEveryWidth(_ code: UInt32) throws {
    let context = try #require(TestContext(ck_level(rawValue: code)))
    for width in [1, 2, 15, 16, 17, 20, 36, 48, 63, 64, 65, 100, 768, 1600] {
      let values = kernelNumbers(5 * width, seed: UInt64(width)).map { $0 + 3 }
      let x = PaddedRows(values, rows: 5, width: width)
      let out = PaddedRows([Float](repeating: 9, count: 5 * width), rows: 5, width: width)
      let weight = PaddedRows(kernelNumbers(width, seed: 77), rows: 1, width: width)
      let bias = PaddedRows(kernelNumbers(width, seed: 78), rows: 1, width: width)
      var norm = ck_norm(weight: weight.base, bias: bias.base, epsilon: 1e-5)
      ck_normalize(context.pointer, &norm, width, x.base, x.stride, 5, out.base, out.stride)
      #expect(LinearKernelTests.paddingIsZero(out))
      for row in 0..<5 {
        let doubles = x.row(row).map(Double.init)
        let mean = doubles.reduce(0, +) / Double(width)
        let variance = doubles.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
        for (i, result) in out.row(row).enumerated() {
          let expected =
            (doubles[i] - mean) / (variance + 1e-5).squareRoot() * Double(weight.base[i])
            + Double(bias.base[i])
          #expect(abs(Double(result) - expected) < 1e-5 * max(1, abs(expected)) + (width == 1 ? 1e-3 : 0))
        }
      }
    }
  }

  @Test func checksumsAreThoseOfXXH64() {
    let vectors: [(String, UInt64)] = [
      ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("xxhash", 0x32DD_3895_2C4B_C720),
      ("The quick brown fox jumps over the lazy dog", 0x0B24_2D36_1FDA_71BC),
    ]
    for (text, checksum) in vectors { #expect(ck_checksum(text, text.utf8.count) == checksum, "\(text)") }
  }
}
