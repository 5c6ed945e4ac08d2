/// Byte-level BPE as in GPT-2: text to token ids and back, exactly as tiktoken's `gpt2` encoding.
///
/// Works on bytes and ids only. Nothing is normalised, trimmed or lower-cased, and special tokens in a text
/// are plain text: `<|endoftext|>` becomes seven tokens.
package final class BPETokenizer: Sendable {
  /// The tokenizer of OpenAI's GPT-2 models, from the table compiled into the program.
  package static let gpt2 = BPETokenizer(.gpt2)

  let vocabulary: Vocabulary
  private let tokens: TokenBytes
  private let merges: MergeTable
  private let pieces: PieceTable

  /// One more than the highest id. A model's embedding may have more rows; those are no tokens.
  package var vocabularySize: Int { vocabulary.size }
  /// The id of `<|endoftext|>`, nil if the vocabulary has none.
  package var endOfTextID: Int32? { vocabulary.endOfTextID }

  init(_ vocabulary: Vocabulary) {
    let tokens = TokenBytes(vocabulary)
    let merges = MergeTable(vocabulary.merges)
    let candidates = vocabulary.byteIDs + vocabulary.merges.map(\.id)
    var pieces = PieceTable(tokens: tokens, capacity: candidates.count)
    // Every token of GPT-2's is what its own bytes merge to. In another vocabulary a token may be out of
    // reach of the merges; as a whole piece it must not be found either.
    let isTrusted = vocabulary == .gpt2
    var merger = PieceMerger(merges: merges, byteIDs: vocabulary.byteIDs)
    var merged: [Int32] = []
    for id in candidates {
      if !isTrusted {
        merged.removeAll(keepingCapacity: true)
        tokens.withBytes(of: id) { merger.append($0, to: &merged) }
      }
      if isTrusted || merged == [id] { pieces.insert(id) }
    }
    self.vocabulary = vocabulary
    self.tokens = tokens
    self.merges = merges
    self.pieces = pieces
  }

  // MARK: Encoding

  /// The ids of a text. Time grows with the length as O(n log n) at worst, whatever the text.
  package func encode(_ text: String) -> [Int32] {
    var text = text
    return text.withUTF8 { encode(valid: $0) }
  }

  /// The ids of a text given as UTF-8; invalid sequences are read as U+FFFD.
  package func encode(utf8 bytes: some Collection<UInt8>) -> [Int32] {
    encode(String(decoding: bytes, as: UTF8.self))
  }

  /// The ids of one piece by merging alone, without looking it up as a whole.
  package func merge(_ piece: [UInt8]) -> [Int32] {
    var merger = PieceMerger(merges: merges, byteIDs: vocabulary.byteIDs)
    var output: [Int32] = []
    piece.withUnsafeBufferPointer { merger.append($0, to: &output) }
    return output
  }

  /// The same by the algorithm for long pieces, whose steps the caller may count.
  package func longPieceMerger(_ piece: [UInt8]) -> LongPieceMerger {
    piece.withUnsafeBufferPointer {
      LongPieceMerger($0, merges: merges, byteIDs: vocabulary.byteIDs)
    }
  }

  private func encode(valid text: UnsafeBufferPointer<UInt8>) -> [Int32] {
    var output: [Int32] = []
    output.reserveCapacity(text.count / 3 + 4)
    var scanner = PreTokenizer(text)
    var merger = PieceMerger(merges: merges, byteIDs: vocabulary.byteIDs)
    while let range = scanner.next() {
      let piece = UnsafeBufferPointer(rebasing: text[range])
      if let id = pieces.id(of: piece) {
        output.append(id)
      } else {
        merger.append(piece, to: &output)
      }
    }
    return output
  }

  // MARK: Decoding

  /// The bytes of a token, which need not be whole characters; nil if the id is no token.
  package func bytes(of id: Int32) -> [UInt8]? {
    let bytes = tokens[id]
    return bytes.isEmpty ? nil : Array(bytes)
  }

  /// The bytes of the tokens. Throws `invalidArgument` naming the first id that is no token.
  package func decode(_ ids: [Int32]) throws(GPT2Error) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(4 * ids.count)
    for id in ids {
      let bytes = tokens[id]
      guard !bytes.isEmpty else {
        throw GPT2Error(
          .invalidArgument, "\(id) is no token; the vocabulary's ids are below \(vocabularySize)")
      }
      output.append(contentsOf: bytes)
    }
    return output
  }

  /// The text of the tokens, with U+FFFD for what is no UTF-8, as Python's `errors="replace"`.
  package func decodeText(_ ids: [Int32]) throws(GPT2Error) -> String {
    String(decoding: try decode(ids), as: UTF8.self)
  }
}
