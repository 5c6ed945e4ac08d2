/// The part of a batch's run in which all sequences make tokens.
///
/// Prompts are computed in chunks, so some sequences have their first token while others still wait for theirs,
/// and end earlier: before and after this window a step is not that of the full batch.
struct DecodeWindow: Equatable {
  /// From the last sequence's first token to its last one before any sequence ends.
  let seconds: Double
  /// All sequences' tokens in that time.
  let tokens: Int

  var tokensPerSecond: Double { Double(tokens) / seconds }

  /// - Parameter arrivals: the time of each token of each sequence, in seconds. Nil if there is no such window:
  ///   the first sequence ended before the last one began.
  init?(arrivals: [[Double]]) {
    guard let latest = arrivals.max(by: { ($0.first ?? .infinity) < ($1.first ?? .infinity) }),
      let begin = latest.first, let firstEnd = arrivals.compactMap(\.last).min(),
      // Both ends are tokens of one sequence: they lie at the same place of their steps.
      let end = latest.last(where: { $0 <= firstEnd }), end > begin
    else { return nil }
    seconds = end - begin
    tokens = arrivals.joined().count { $0 > begin && $0 <= end }
  }
}
