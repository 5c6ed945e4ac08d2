import ArgumentParser
import JobWire

/// What is added to the logit of one token: `ID=VALUE`.
struct LogitBias: ExpressibleByArgument, Equatable {
  let token: Int32
  let bias: Double

  init?(argument: String) {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let token = Int32(parts[0]), token >= 0, let bias = Double(parts[1]),
      (-RequestLimits.maxBias...RequestLimits.maxBias).contains(bias)
    else { return nil }
    self.token = token
    self.bias = bias
  }

  static let allowed =
    "a token id, =, and \((-RequestLimits.maxBias).fixed(0)) to \(RequestLimits.maxBias.fixed(0))"
}
