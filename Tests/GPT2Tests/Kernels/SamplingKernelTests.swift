import CKernels
import Glibc
import Testing

struct SamplingKernelTests {
  private static let counts = [1, 2, 15, 16, 17, 63, 64, 65, 1000, 2048, 2049, 5003]

  @Test func argmaxIsTheFirstOfTheGreatest() {
    var generator = SplitMix(seed: 4)
    for level in availableCodes {
      for count in Self.counts {
        for values in [3, 1000] as [UInt64] {
          let x = (0..<count).map { _ in Float(generator.next() % values) - 1 }
          let expected = x.firstIndex(of: x.max() ?? 0)
          #expect(ck_argmax(level, x, count) == expected)
        }
      }
    }
  }

  @Test func argmaxPassesOverWhatIsNoNumber() {
    for level in availableCodes {
      for count in Self.counts where count > 1 {
        var x = [Float](repeating: .nan, count: count)
        #expect(ck_argmax(level, x, count) < count)
        x[count - 1] = -.infinity
        #expect(ck_argmax(level, x, count) == count - 1)
        x[count / 2] = -1e30
        #expect(ck_argmax(level, x, count) == count / 2)
        x[0] = .infinity
        #expect(ck_argmax(level, x, count) == 0)
      }
    }
  }

  @Test func weightsAreExponentialsBelowTheGreatest() {
    for level in availableCodes {
      for count in Self.counts {
        let x = kernelNumbers(count, seed: UInt64(count), scale: 1)
        let top = Double(x.max() ?? 0)
        for scale: Float in [0.3, 1, 4] {
          // With a number behind that must stay.
          var out = x + [5]
          ck_weights(level, out, count, scale, &out)
          #expect(out[count] == 5)
          var worst = 0.0
          for (weight, value) in zip(out, x) {
            let exponent = (Double(value) - top) * Double(scale)
            // The exponent is rounded twice, and what is below the normal numbers may be 0.
            let tolerance = exp(exponent) * (1e-6 - 2e-7 * exponent) + 1e-37
            worst = max(worst, abs(Double(weight) - exp(exponent)) / tolerance)
          }
          #expect(worst <= 1)
        }
      }
    }
  }

  @Test func blocksSumAndCountTheirWeights() {
    var generator = SplitMix(seed: 8)
    for count in Self.counts {
      // Sums of these are exact.
      let weights = (0..<count).map { _ in Float(generator.next() % 1000) / 1024 }
      var blocks = [ck_block](repeating: ck_block(), count: (count + 63) / 64)
      ck_blocks(weights, count, &blocks)
      for limit: Float in [0.0001, 0.25, 0.9, 2] {
        let kept = weights.filter { $0 >= limit }
        #expect(ck_count(weights, count, blocks, 0, blocks.count, limit) == kept.count)
        #expect(ck_mass(weights, count, blocks, 0, blocks.count, limit) == Double(kept.reduce(0, +)))
      }
      for (index, block) in blocks.enumerated() {
        let part = weights[index * 64..<min(count, index * 64 + 64)]
        #expect(block.mass == part.reduce(0, +) && block.greatest == part.max())
      }
    }
  }

  @Test func extremeLogitsGiveWeightsBetweenZeroAndOne() {
    let x: [Float] = [.nan, 3, -.infinity, 2.9, 3] + [Float](repeating: -1e38, count: 30)
    for level in availableCodes {
      var out = x
      ck_weights(level, x, x.count, .infinity, &out)
      #expect(out == [0, 1, 0, 0, 1] + [Float](repeating: 0, count: 30))
      ck_weights(level, x, x.count, 1, &out)
      #expect(out[0] == 0 && out[1] == 1 && out[2] == 0 && out[4] == 1)
      #expect(out.allSatisfy { $0 >= 0 && $0 <= 1 })
    }
  }
}
