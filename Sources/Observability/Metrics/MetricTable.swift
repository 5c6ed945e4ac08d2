/// The handles of a metric whose only label has a list of values, one each, for code that finds out the value with
/// the event.
package struct MetricTable<Word: MetricWord, Handle: MetricHandle>: Sendable {
  private let handles: [Handle]

  init(_ family: MetricFamily<Handle>) {
    handles = Word.allCases.map { family.handle($0.word) }
  }

  package subscript(word: Word) -> Handle { handles[word.rawValue] }
}
