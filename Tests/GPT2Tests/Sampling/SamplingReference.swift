import Glibc

@testable import GPT2

/// What sampling promises, the long way: in double precision, sorting everything, one processor after the other.
struct SamplingReference {
  var parameters: SamplingParameters

  /// The logits that the choice is made from, minus infinity for what can't be chosen.
  func processed(
    _ logits: [Float], prompt: [Int32] = [], new: [Int32] = [], forbidden: Int32? = nil
  ) -> [Double] {
    var scores = logits.map(Double.init)
    for (id, bias) in parameters.logitBias { scores[Int(id)] += Double(bias) }
    let repetition = Double(parameters.repetitionPenalty)
    for id in Set(prompt + new).map(Int.init) {
      scores[id] = scores[id] > 0 ? scores[id] / repetition : scores[id] * repetition
    }
    for id in Set(new) {
      let count = new.count { $0 == id }
      scores[Int(id)] -=
        Double(parameters.presencePenalty) + Double(count) * Double(parameters.frequencyPenalty)
    }
    if let forbidden { scores[Int(forbidden)] = -.infinity }
    guard parameters.temperature > 0 else { return scores }

    scores = scores.map { $0 / Double(parameters.temperature) }
    if parameters.topK > 0 { keep(&scores) { Array($0.prefix(parameters.topK)) } }
    if parameters.topP < 1 {
      let probabilities = Self.probabilities(scores)
      keep(&scores) { Self.reaching(parameters.topP, $0, probabilities) }
    }
    if parameters.minP > 0 {
      let probabilities = Self.probabilities(scores)
      let least = Double(parameters.minP) * (probabilities.max() ?? 0)
      keep(&scores) { $0.filter { probabilities[$0] >= least } }
    }
    if parameters.typicalP < 1 {
      let probabilities = Self.probabilities(scores)
      let information = probabilities.map { -log($0) }
      let entropy = zip(probabilities, information).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * $1.1 : 0) }
      keep(&scores) {
        let byDistance = $0.sorted { abs(information[$0] - entropy) < abs(information[$1] - entropy) }
        return Self.reaching(parameters.typicalP, byDistance, probabilities)
      }
    }
    return scores
  }

  static func probabilities(_ scores: [Double]) -> [Double] {
    let top = scores.max() ?? 0
    let weights = scores.map { exp($0 - top) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  static func logprobs(_ logits: [Float]) -> [Double] {
    let top = logits.map(Double.init).max() ?? 0
    let sum = logits.reduce(0) { $0 + exp(Double($1) - top) }
    return logits.map { Double($0) - top - log(sum) }
  }

  /// The token that is drawn: the first at which the sum of the probabilities by ascending id passes `uniform`.
  static func drawn(_ scores: [Double], uniform: Double) -> Int32 {
    var sum = 0.0
    let id = probabilities(scores).firstIndex {
      sum += $0
      return sum > uniform
    }
    return Int32(id ?? 0)
  }

  /// Keeps what is chosen from the ids that are left, the most likely first.
  private func keep(_ scores: inout [Double], _ choose: ([Int]) -> [Int]) {
    let left = scores.indices.filter { scores[$0] > -.infinity }
      .sorted { scores[$0] > scores[$1] || (scores[$0] == scores[$1] && $0 < $1) }
    let kept = Set(choose(left))
    for id in scores.indices where !kept.contains(id) { scores[id] = -.infinity }
  }

  /// The first ids that together have this probability, at least one.
  private static func reaching(_ limit: Float, _ ids: [Int], _ probabilities: [Double]) -> [Int] {
    var sum = 0.0
    let end = ids.firstIndex {
      sum += probabilities[$0]
      return sum >= Double(limit)
    }
    return Array(ids.prefix((end ?? ids.count - 1) + 1))
  }
}
