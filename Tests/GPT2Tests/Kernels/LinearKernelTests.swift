import CKernels
import Foundation
import Testing

struct LinearKernelTests {
  /// Inputs and outputs: below, at and beyond every tile, block and padding.
  static let shapes = [
    (1, 1), (3, 5), (4, 64), (20, 50), (36, 108), (48, 63), (64, 65), (100, 130), (129, 16), (257, 72),
    (512, 80),
  ]
  static let rowCounts = [1, 2, 3, 4, 5, 6, 7, 9, 13]
  static let formats = [CK_FORMAT_F32, CK_FORMAT_Q8, CK_FORMAT_Q4]
  static let quantizedFormats = [CK_FORMAT_Q8, CK_FORMAT_Q4]

  /// Rows of which each third has values far from the others.
  static func rows(_ count: Int, width: Int, seed: UInt64) -> PaddedRows {
    let x = PaddedRows(kernelNumbers(count * width, seed: seed), rows: count, width: width)
    for row in stride(from: 0, to: count, by: 3) {
      for i in 0..<min(5, width) { x.base[row * x.stride + (i * 37 + row) % width] = i % 2 == 0 ? 60 : -45 }
    }
    return x
  }

  /// What a quantized matrix gives in doubles, from the weights and activations that the integers stand for, and
  /// the size of what is added up on the way there.
  static func oracle(_ matrix: TestMatrix, _ x: PaddedRows) -> [[(value: Double, size: Double)]] {
    let isFloat = matrix.matrix.format == CK_FORMAT_F32
    let weights = (0..<matrix.outputs).map { matrix.unpackedRow($0).map(Double.init) }
    return (0..<x.rows).map { row in
      let start = x.base + row * x.stride
      let quantized = isFloat ? nil : QuantizedRow(CK_LEVEL_SCALAR, start, padded: x.stride)
      return (0..<matrix.outputs).map { output in
        var value = Double(matrix.biasValues[output])
        var size = abs(value)
        let greatest = weights[output].reduce(0) { max($0, abs($1)) }
        for i in 0..<x.stride {
          let weight = i < matrix.inputs ? weights[output][i] : 0
          guard let quantized else {
            value += Double(start[i]) * weight
            size += abs(Double(start[i]) * weight)
            continue
          }
          let scale = Double(quantized.scale)
          value += scale * Double(Int32(quantized.values[i]) - quantized.zero) * weight
          size += scale * Double(abs(Int32(quantized.values[i])) + abs(quantized.zero)) * greatest
        }
        return (value, size)
      }
    }
  }

  static func paddingIsZero(_ rows: PaddedRows) -> Bool {
    (0..<rows.rows).allSatisfy { row in
      (rows.width..<rows.stride).allSatisfy { rows.base[row * rows.stride + $0] == 0 }
    }
  }

  @Test(arguments: shapes)
  func everyLevelAndNumberOfRowsAgreesWithDoubles(_ inputs: Int, _ outputs: Int) throws {
    let weights = kernelNumbers(inputs * outputs, seed: 1)
    for format in Self.formats {
      let matrix = TestMatrix(format, inputs: inputs, outputs: outputs, weights: weights)
      for rows in [1, 4, 13] {
        let x = Self.rows(rows, width: inputs, seed: UInt64(rows))
        let expected = Self.oracle(matrix, x)
        for level in availableCodes {
          let context = try #require(TestContext(level))
          let result = PaddedRows([Float](repeating: 7, count: rows * outputs), rows: rows, width: outputs)
          context.linear(matrix, x, CK_OUTPUT_STORE, into: result)
          #expect(Self.paddingIsZero(result))
          for row in 0..<rows {
            for (v, e) in zip(result.row(row), expected[row]) {
              #expect(abs(Double(v) - e.value) <= 2e-6 * e.size + 1e-7)
            }
          }
          let stored = result.everything
          context.linear(matrix, x, CK_OUTPUT_ADD, into: result)
          #expect(result.everything == stored.map { $0 + $0 })
        }
      }
    }
  }

  #if arch(x86_64)
    @Test(arguments: shapes)
    func quantizedMatricesAreTheSameBitForBitAtEveryLevel(_ inputs: Int, _ outputs: Int) throws {
      for format in Self.quantizedFormats {
        let matrix = TestMatrix(
          format, inputs: inputs, outputs: outputs, weights: kernelNumbers(inputs * outputs, seed: 1))
        for rows in Self.rowCounts {
          let x = Self.rows(rows, width: inputs, seed: UInt64(rows))
          let results = try availableCodes.map { level in
            let result = PaddedRows([Float](repeating: 7, count: rows * outputs), rows: rows, width: outputs)
            try #require(TestContext(level)).linear(matrix, x, CK_OUTPUT_STORE, into: result)
            return result.everything
          }
          for result in results { #expect(result == results[0]) }
        }
      }
    }
  #endif

  @Test func int8SumsDoNotSaturateAtTheEndsOfTheirRange() throws {
    let (inputs, outputs) = (3072, 64)
    for sign: Float in [1, -1] {
      // Every weight is ±127 steps, every activation 255 (or 0) steps from zero.
      let matrix = TestMatrix(
        CK_FORMAT_Q8, inputs: inputs, outputs: outputs,
        weights: [Float](repeating: sign, count: inputs * outputs), hasBias: false)
      for value: Float in [1, -1] {
        let x = PaddedRows([Float](repeating: value, count: 13 * inputs), rows: 13, width: inputs)
        for level in availableCodes {
          let result = PaddedRows([Float](repeating: 0, count: 13 * outputs), rows: 13, width: outputs)
          try #require(TestContext(level)).linear(matrix, x, CK_OUTPUT_STORE, into: result)
          for row in 0..<13 {
            for v in result.row(row) { #expect(abs(v - Float(inputs) * sign * value) < 0.01) }
          }
        }
      }
    }
  }

  @Test func aRowsResultDoesNotDependOnTheOthersOrOnTheThreads() throws {
    for format in Self.formats {
      for (inputs, outputs) in [(100, 333), (768, 640)] {
        let matrix = TestMatrix(
          format, inputs: inputs, outputs: outputs, weights: kernelNumbers(inputs * outputs, seed: 1))
        let rows = 23
        let x = Self.rows(rows, width: inputs, seed: 5)
        for level in availableCodes {
          for output in [CK_OUTPUT_STORE, CK_OUTPUT_GELU_TANH, CK_OUTPUT_GELU_ERF] {
            let alone = try (0..<rows).map { row in
              let one = PaddedRows(x.row(row), rows: 1, width: inputs)
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

  @Test(arguments: [1, 4, 5, 14])
  func aLayerNormInFrontIsTheOneThatStandsAlone(_ rows: Int) throws {
    let (inputs, outputs) = (100, 70)
    let weight = PaddedRows(kernelNumbers(inputs, seed: 77), rows: 1, width: inputs)
    let bias = PaddedRows(kernelNumbers(inputs, seed: 78), rows: 1, width: inputs)
    var norm = ck_norm(weight: weight.base, bias: bias.base, epsilon: 1e-5)
    let x = Self.rows(rows, width: inputs, seed: 6)
    for format in Self.formats {
      let matrix = TestMatrix(
        format, inputs: inputs, outputs: outputs, weights: kernelNumbers(inputs * outputs, seed: 1))
      for level in availableCodes {
        let context = try #require(TestContext(level, threads: 2))
        let normal = PaddedRows([Float](repeating: 0, count: rows * inputs), rows: rows, width: inputs)
        let apart = PaddedRows([Float](repeating: 0, count: rows * outputs), rows: rows, width: outputs)
        let together = PaddedRows([Float](repeating: 0, count: rows * outputs), rows: rows, width: outputs)
        ck_normalize(context.pointer, &norm, inputs, x.base, x.stride, rows, normal.base, normal.stride)
        context.linear(matrix, normal, CK_OUTPUT_STORE, into: apart)
        context.linear(matrix, norm: norm, x, CK_OUTPUT_STORE, into: together)
        #expect(together.everything == apart.everything)
      }
    }
  }

  @Test func theGELUOfALinearLayerIsTheOneAfterIt() throws {
    let (inputs, outputs) = (36, 100)
    for format in Self.formats {
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

  /// Relative error of a layer with outlier activations; with one step for all values it would be many times that.
  @Test(arguments: [(CK_FORMAT_Q8.rawValue, 0.02), (CK_FORMAT_Q4.rawValue, 0.12)])
  func quantizedMatricesStayCloseOnHeavyTailedWeightsAndOutlierActivations(
    _ format: UInt32, _ tolerance: Double
  ) throws {
    let (inputs, outputs, rows) = (768, 128, 4)
    let weights = kernelNumbers(inputs * outputs, seed: 11)
    var values = kernelNumbers(rows * inputs, seed: 12)
    for row in 0..<rows { values[row * inputs + 77] = 40 }
    let x = PaddedRows(values, rows: rows, width: inputs)
    let context = try #require(TestContext(CK_LEVEL_SCALAR))
    let results = [CK_FORMAT_F32, ck_format(rawValue: format)].map { format in
      let out = PaddedRows([Float](repeating: 0, count: rows * outputs), rows: rows, width: outputs)
      let matrix = TestMatrix(format, inputs: inputs, outputs: outputs, weights: weights, hasBias: false)
      context.linear(matrix, x, CK_OUTPUT_STORE, into: out)
      return out.everything.map(Double.init)
    }
    let error = zip(results[0], results[1]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let power = results[0].reduce(0) { $0 + $1 * $1 }
    #expect((error / power).squareRoot() < tolerance)
  }
}
