import CKernels
import Foundation
import Testing

struct LinearKernelTests {
  /// Inputs and outputs: below, at and beyond every tile and padding.
  static let shapes = [
    (1, 1), (3, 5), (4, 64), (20, 50), (36, 108), (48, 63), (64, 65), (100, 130), (129, 16), (257, 72),
    (512, 80),
  ]
  static let rowCounts = [1, 2, 3, 4, 5, 6, 7, 9, 13]

  @Test(arguments: shapes)
  func int8SumsAreExactAndEqualAtEveryLevelForEveryNumberOfRows(_ inputs: Int, _ outputs: Int) throws {
    let matrix = TestMatrix(
      CK_FORMAT_Q8, inputs: inputs, outputs: outputs, weights: kernelNumbers(inputs * outputs, seed: 1))
    for rows in Self.rowCounts {
      let x = PaddedRows(kernelNumbers(rows * inputs, seed: UInt64(rows)), rows: rows, width: inputs)
      let expected = Self.int8Oracle(matrix, x)
      for level in availableCodes {
        let context = try #require(TestContext(level))
        let result = PaddedRows([Float](repeating: 7, count: rows * outputs), rows: rows, width: outputs)
        context.linear(matrix, x, CK_OUTPUT_STORE, into: result)
        for row in 0..<rows { #expect(result.row(row) == expected[row]) }
        #expect(Self.paddingIsZero(result))
        context.linear(matrix, x, CK_OUTPUT_ADD, into: result)
        for row in 0..<rows { #expect(result.row(row) == expected[row].map { $0 + $0 }) }
      }
    }
  }

  /// (Σaw − zΣw) · (row scale · weight scale) + bias with integers as wide as can be.
  static func int8Oracle(_ matrix: TestMatrix, _ x: PaddedRows) -> [[Float]] {
    let weights = (0..<matrix.outputs).map { output in
      let scale = matrix.scales.base[output]
      return matrix.unpackedRow(output).map { scale == 0 ? 0 : Int(($0 / scale).rounded()) }
    }
    return (0..<x.rows).map { row in
      var quantized = [UInt8](repeating: 0, count: x.stride)
      var scale: Float = 0
      var zero: Int32 = 0
      ck_test_quantize(CK_LEVEL_SCALAR, x.base + row * x.stride, x.stride, &quantized, &scale, &zero)
      return (0..<matrix.outputs).map { output in
        var sum = 0
        for i in 0..<matrix.inputs { sum += (Int(quantized[i]) - Int(zero)) * weights[output][i] }
        return Float(sum) * (scale * matrix.scales.base[output]) + matrix.biasValues[output]
      }
    }
  }

  static func paddingIsZero(_ rows: PaddedRows) -> Bool {
    (0..<rows.rows).allSatisfy { row in
      (rows.width..<rows.stride).allSatisfy { rows.base[row * rows.stride + $0] == 0 }
    }
  }

  @Test func int8SumsDoNotSaturateAtTheEndsOfTheirRange() throws {
    let (inputs, outputs) = (3072, 64)
    for sign: Float in [1, -1] {
      // Every weight is ±127 steps, every activation 255 (or 0) steps from zero.
      let matrix = TestMatrix(
        CK_FORMAT_Q8, inputs: inputs, outputs: outputs,
        weights: [Float](repeating: sign, count: inputs * outputs), hasBias: false)
      for value: Float in [1, -1] {
        let x = PaddedRows([Float](repeating: value, count: 7 * inputs), rows: 7, width: inputs)
        for level in availableCodes {
          let result = PaddedRows([Float](repeating: 0, count: 7 * outputs), rows: 7, width: outputs)
          try #require(TestContext(level)).linear(matrix, x, CK_OUTPUT_STORE, into: result)
          for row in 0..<7 {
            for v in result.row(row) { #expect(abs(v - Float(inputs) * sign * value) < 0.01) }
          }
        }
      }
    }
  }

  @Test(arguments: shapes)
  func f32MatricesAgreeWithDoublesAtEveryLevel(_ inputs: Int, _ outputs: Int) throws {
    let matrix = TestMatrix(
      CK_FORMAT_F32, inputs: inputs, outputs: outputs, weights: kernelNumbers(inputs * outputs, seed: 1))
    for rows in [1, 6, 13] {
      let x = PaddedRows(kernelNumbers(rows * inputs, seed: UInt64(rows)), rows: rows, width: inputs)
      for level in availableCodes {
        let result = PaddedRows([Float](repeating: 7, count: rows * outputs), rows: rows, width: outputs)
        try #require(TestContext(level)).linear(matrix, x, CK_OUTPUT_STORE, into: result)
        #expect(Self.paddingIsZero(result))
        for row in 0..<rows {
          for output in 0..<outputs {
            var sum = Double(matrix.biasValues[output])
            var magnitude = abs(sum)
            for i in 0..<inputs {
              let product = Double(x.base[row * x.stride + i]) * Double(matrix.weights[output * inputs + i])
              sum += product
              magnitude += abs(product)
            }
            #expect(abs(Double(result.row(row)[output]) - sum) <= 1e-6 * magnitude + 1e-7)
          }
        }
      }
    }
  }

  @Test func aRowsResultDoesNotDependOnTheOthersOrOnTheThreads() throws {
    for format in [CK_FORMAT_Q8, CK_FORMAT_F32] {
      for (inputs, outputs) in [(100, 333), (768, 640)] {
        let matrix = TestMatrix(
          format, inputs: inputs, outputs: outputs, weights: kernelNumbers(inputs * outputs, seed: 1))
        let rows = 23
        let values = kernelNumbers(rows * inputs, seed: 5)
        let x = PaddedRows(values, rows: rows, width: inputs)
        for level in availableCodes {
          for output in [CK_OUTPUT_STORE, CK_OUTPUT_GELU_TANH, CK_OUTPUT_GELU_ERF] {
            let alone = try (0..<rows).map { row in
              let one = PaddedRows(
                Array(values[row * inputs..<(row + 1) * inputs]), rows: 1, width: inputs)
              let result = PaddedRows([Float](repeating: 0, count: outputs), rows: 1, width: outputs)
              try #require(TestContext(level)).linear(matrix, one, output, into: result)
              return result.row(0)
            }
            for threads in 1...3 {
              let together = PaddedRows(
                [Float](repeating: 0, count: rows * outputs), rows: rows, width: outputs)
              try #require(TestContext(level, threads: threads)).linear(matrix, x, output, into: together)
              for row in 0..<rows { #expect(together.row(row) == alone[row]) }
            }
          }
        }
      }
    }
  }

  @Test func theGELUOfALinearLayerIsTheOneAfterIt() throws {
    let (inputs, outputs) = (36, 100)
    for format in [CK_FORMAT_Q8, CK_FORMAT_F32] {
      let matrix = TestMatrix(
        format, inputs: inputs, outputs: outputs, weights: kernelNumbers(inputs * outputs, seed: 1))
      let x = PaddedRows(kernelNumbers(5 * inputs, seed: 9), rows: 5, width: inputs)
      for level in availableCodes {
        let context = try #require(TestContext(level))
        for gelu in [CK_OUTPUT_GELU_TANH, CK_OUTPUT_GELU_ERF] {
          let fused = PaddedRows([Float](repeating: 0, count: 5 * outputs), rows: 5, width: outputs)
          let plain = PaddedRows([Float](repeating: 0, count: 5 * outputs), rows: 5, width: outputs)
          context.linear(matrix, x, gelu, into: fused)
          context.linear(matrix, x, CK_OUTPUT_STORE, into: plain)
          ck_test_gelu(level, gelu, plain.base, 5 * plain.stride)
          #expect(fused.everything == plain.everything)
        }
      }
    }
  }

  @Test func int8StaysCloseToF32OnHeavyTailedWeightsAndAnOutlierActivation() throws {
    let (inputs, outputs, rows) = (768, 128, 4)
    let weights = kernelNumbers(inputs * outputs, seed: 11)
    var values = kernelNumbers(rows * inputs, seed: 12)
    for row in 0..<rows { values[row * inputs + 77] = 40 }
    let x = PaddedRows(values, rows: rows, width: inputs)
    let context = try #require(TestContext(CK_LEVEL_SCALAR))
    let results = [CK_FORMAT_F32, CK_FORMAT_Q8].map { format in
      let out = PaddedRows([Float](repeating: 0, count: rows * outputs), rows: rows, width: outputs)
      let matrix = TestMatrix(format, inputs: inputs, outputs: outputs, weights: weights, hasBias: false)
      context.linear(matrix, x, CK_OUTPUT_STORE, into: out)
      return out.everything
    }
    let error = zip(results[0], results[1]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let power = results[0].reduce(0) { $0 + $1 * $1 }
    #expect((error / power).squareRoot() < 0.05)
  }

  @Test func packedWeightsComeBackRowByRow() {
    let weights = kernelNumbers(70 * 130, seed: 2)
    let f32 = TestMatrix(CK_FORMAT_F32, inputs: 70, outputs: 130, weights: weights)
    let int8 = TestMatrix(CK_FORMAT_Q8, inputs: 70, outputs: 130, weights: weights)
    for row in 0..<130 {
      let original = Array(weights[row * 70..<(row + 1) * 70])
      #expect(f32.unpackedRow(row) == original)
      let step = (original.map(abs).max() ?? 0) / 127
      for (stored, value) in zip(int8.unpackedRow(row), original) {
        #expect(abs(stored - value) <= step * 0.5001)
      }
    }
  }
}
