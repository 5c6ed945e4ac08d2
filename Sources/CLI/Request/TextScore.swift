import Glibc
import JobWire

/// How likely a text is to a model.
struct TextScore {
  private let tokens: [Int]
  private let logprobs: Logprobs

  /// - Parameter choice: one with an echo and log-probabilities; nil if it has none.
  init?(_ choice: JobResult.Choice) {
    guard let logprobs = choice.logprobs, logprobs.tokens.count == choice.tokens.count else { return nil }
    tokens = choice.tokens
    self.logprobs = logprobs
  }

  /// The sum of all tokens' but the first, which follows on nothing.
  private var sum: Double { known.reduce(0, +) }

  private var known: [Double] { logprobs.tokenLogprobs.compactMap { $0 } }

  private var perplexity: Double { exp(-sum / Double(max(known.count, 1))) }

  /// For people.
  var text: String {
    TextTable(
      columns: [.right("tokens"), .right("log-probability"), .right("perplexity")],
      rows: [["\(tokens.count)", sum.fixed(4), perplexity.fixed(4)]]
    ).lines.map { $0.text + "\n" }.joined()
  }

  /// To as many decimals as the tokens' own.
  private static func rounded(_ number: Double) -> Double { (number * 1e5).rounded() / 1e5 }

  func json(model: String) -> JSONValue {
    .fields([
      ("model", .string(model)), ("logprob", .double(Self.rounded(sum))),
      ("perplexity", .double(Self.rounded(perplexity))),
      (
        "tokens",
        .array(
          tokens.indices.map { index in
            .fields([
              ("token", .integer(Int64(tokens[index]))), ("text", .string(logprobs.tokens[index])),
              ("logprob", logprobs.tokenLogprobs[index].map { .double($0) } ?? .null),
            ])
          })
      ),
    ])
  }
}
