/// What one step of an engine did, for those who measure it.
package struct EngineStep: Sendable, Equatable {
  /// Sequences that had a part in it.
  package var sequences = 0
  /// Tokens that sequences got by it.
  package var newTokens = 0
  /// Tokens that were proposed from the texts themselves, and how many of them came true.
  package var proposedTokens = 0
  package var acceptedTokens = 0
  /// Pages of the K/V memory that sequences use or are promised, that are only kept for texts to come, and that are
  /// free. Together they are all pages.
  package var usedPages = 0
  package var keptPages = 0
  package var freePages = 0
  package var duration = Duration.zero
}
