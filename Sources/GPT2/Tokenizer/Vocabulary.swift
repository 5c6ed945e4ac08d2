import CTokenizerData

/// What makes a tokenizer: the ids of the bytes, the merges by rank, and the tokens that no merge makes.
///
/// Every instance is valid: ids are within `size`, each has one meaning, and a merge's parts are defined
/// before the merge. So everything that is built from it needs no further checks.
struct Vocabulary: Sendable, Equatable {
  /// Two adjacent tokens that become one.
  struct Merge: Sendable, Equatable {
    var left: Int32
    var right: Int32
    var id: Int32
  }

  /// A token that no merge makes, `<|endoftext|>` for one. It is decoded, but no text is encoded to it.
  struct Extra: Sendable, Equatable {
    var id: Int32
    var bytes: [UInt8]
  }

  /// Pairs of ids and ranks are packed into one 64-bit word, 20 bits each; GPT-2 has 50,257 ids.
  static let maximumSize = 1 << 20
  /// Bounds what a damaged file can make of merges that double a token again and again.
  static let maximumTokenLength = 1 << 16
  static let maximumTotalLength = 1 << 26
  static let endOfText = "<|endoftext|>"

  /// One more than the highest id.
  let size: Int
  /// The ids of the 256 bytes.
  let byteIDs: [Int32]
  /// In the order of their rank.
  let merges: [Merge]
  let extras: [Extra]
  let endOfTextID: Int32?

  /// OpenAI's GPT-2 vocabulary, compiled in.
  static let gpt2 = Vocabulary()

  private init() {
    var size = 0
    let table = UnsafeBufferPointer(start: ctokenizer_gpt2_merges(&size), count: size)
    merges = (0..<size / 4).map { rank in
      let at = 4 * rank
      return Merge(
        left: Int32(table[at]) | Int32(table[at + 1]) << 8,
        right: Int32(table[at + 2]) | Int32(table[at + 3]) << 8, id: Int32(256 + rank))
    }
    let endOfText = Int32(256 + merges.count)
    self.size = Int(endOfText) + 1
    byteIDs = ByteAlphabet.ids
    extras = [Extra(id: endOfText, bytes: Array(Self.endOfText.utf8))]
    endOfTextID = endOfText
  }

  /// Throws `corruptFile` naming the first contradiction.
  init(
    size: Int, byteIDs: [Int32], merges: [Merge], extras: [Extra], endOfTextID: Int32?
  ) throws(GPT2Error) {
    guard 1...Self.maximumSize ~= size else {
      throw GPT2Error(
        .corruptFile, "the vocabulary has \(size) ids; allowed are 1 to \(Self.maximumSize)")
    }
    guard byteIDs.count == 256, merges.count <= Self.maximumSize else {
      throw GPT2Error(
        .corruptFile, "the vocabulary has \(byteIDs.count) bytes and \(merges.count) merges")
    }
    var lengths = TokenLengths(size: size)
    for id in byteIDs { try lengths.define(id, length: 1) }
    for extra in extras { try lengths.define(extra.id, length: extra.bytes.count) }
    for merge in merges { try lengths.define(merge) }
    if let endOfTextID { _ = try lengths.length(of: endOfTextID) }
    self.size = size
    self.byteIDs = byteIDs
    self.merges = merges
    self.extras = extras
    self.endOfTextID = endOfTextID
  }
}

/// The check of a vocabulary: gives every id its length in bytes, in the order in which tokens are defined.
private struct TokenLengths {
  private var lengths: [Int]
  private var total = 0

  init(size: Int) {
    lengths = [Int](repeating: 0, count: size)
  }

  func length(of id: Int32) throws(GPT2Error) -> Int {
    guard lengths.indices.contains(Int(id)), lengths[Int(id)] > 0 else {
      throw GPT2Error(.corruptFile, "token \(id) of the vocabulary is used, but not defined")
    }
    return lengths[Int(id)]
  }

  mutating func define(_ id: Int32, length: Int) throws(GPT2Error) {
    guard lengths.indices.contains(Int(id)), lengths[Int(id)] == 0 else {
      throw GPT2Error(
        .corruptFile, "token \(id) of the vocabulary is defined twice or not below \(lengths.count)")
    }
    total += length
    guard 1...Vocabulary.maximumTokenLength ~= length, total <= Vocabulary.maximumTotalLength else {
      throw GPT2Error(
        .corruptFile,
        "token \(id) of the vocabulary is \(length) bytes long, all so far \(total); allowed are "
          + "1 to \(Vocabulary.maximumTokenLength) and \(Vocabulary.maximumTotalLength)")
    }
    lengths[Int(id)] = length
  }

  /// Several merges may make the same token, by other parts.
  mutating func define(_ merge: Vocabulary.Merge) throws(GPT2Error) {
    let length = try self.length(of: merge.left) + self.length(of: merge.right)
    if lengths.indices.contains(Int(merge.id)), lengths[Int(merge.id)] == length { return }
    try define(merge.id, length: length)
  }
}
