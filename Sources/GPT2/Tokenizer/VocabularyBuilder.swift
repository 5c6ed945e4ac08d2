/// Puts the tokens and merges of a checkpoint's files into the order that `Vocabulary` asks for.
struct VocabularyBuilder {
  /// By id; nil where the files leave an id out.
  private var bytes: [[UInt8]?]
  /// Keyed by bytes, not by text: strings that are canonically equivalent are different tokens.
  private var ids: [[UInt8]: Int32] = [:]
  private var isDefined: [Bool]
  private var byteIDs: [Int32] = []
  private var merges: [Vocabulary.Merge] = []
  private var extras: [Vocabulary.Extra] = []
  private var endOfTextID: Int32?
  private let file: String

  /// The file is named in errors.
  init(_ tokens: [String: Int], file: String) throws(GPT2Error) {
    let highest = tokens.values.max() ?? 0
    guard 0..<Vocabulary.maximumSize ~= highest else {
      throw GPT2Error(
        .corruptFile,
        "\(file): the highest id is \(highest); allowed are ids below \(Vocabulary.maximumSize)")
    }
    let size = highest + 1
    self.file = file
    bytes = [[UInt8]?](repeating: nil, count: size)
    isDefined = [Bool](repeating: false, count: size)
    for (token, id) in tokens {
      guard id >= 0, bytes[id] == nil else {
        throw GPT2Error(.corruptFile, "\(file): id \(id) is negative or of two tokens")
      }
      // A token added by hand may hold characters of no byte; it stands for itself then.
      if let decoded = ByteAlphabet.bytes(of: token) {
        bytes[id] = decoded
        ids[decoded] = Int32(id)
      } else {
        bytes[id] = Array(token.utf8)
      }
    }
    endOfTextID = ids[Array(Vocabulary.endOfText.utf8)]
    for byte in UInt8.min...UInt8.max {
      guard let id = ids[[byte]] else {
        throw GPT2Error(
          .corruptFile, "\(file): the byte \(byte) has no token (\(ByteAlphabet.scalar(of: byte)))")
      }
      byteIDs.append(id)
      isDefined[Int(id)] = true
    }
  }

  /// A token as it stands in a text, not in the alphabet of the files; an id that exists keeps its bytes.
  mutating func addToken(_ content: String, id: Int) throws(GPT2Error) {
    guard 0..<Vocabulary.maximumSize ~= id, !content.isEmpty else {
      throw GPT2Error(.corruptFile, "\(file): added token \(id) is empty or out of range")
    }
    while bytes.count <= id {
      bytes.append(nil)
      isDefined.append(false)
    }
    if bytes[id] == nil { bytes[id] = Array(content.utf8) }
    if content == Vocabulary.endOfText { endOfTextID = Int32(id) }
  }

  /// The two parts as the files write them, with a space between. Their rank is the order of the calls.
  mutating func addMerge(_ line: String, place: String) throws(GPT2Error) {
    let parts = line.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw GPT2Error(.corruptFile, "\(place): not two tokens and a space between")
    }
    let (left, right) = (parts[0], parts[1])
    guard let leftBytes = ByteAlphabet.bytes(of: left), let leftID = ids[leftBytes],
      let rightBytes = ByteAlphabet.bytes(of: right), let rightID = ids[rightBytes]
    else {
      throw GPT2Error(.corruptFile, "\(place): \(left) or \(right) is not in the vocabulary")
    }
    guard let id = ids[leftBytes + rightBytes] else {
      throw GPT2Error(.corruptFile, "\(place): \(left)\(right) is not in the vocabulary")
    }
    define(leftID)
    define(rightID)
    merges.append(.init(left: leftID, right: rightID, id: id))
    isDefined[Int(id)] = true
  }

  func vocabulary() throws(GPT2Error) -> Vocabulary {
    var complete = self
    for id in bytes.indices { complete.define(Int32(id)) }
    return try Vocabulary(
      size: bytes.count, byteIDs: byteIDs, merges: merges, extras: complete.extras,
      endOfTextID: endOfTextID)
  }

  /// A token that no merge so far makes is written out.
  private mutating func define(_ id: Int32) {
    guard !isDefined[Int(id)], let bytes = bytes[Int(id)] else { return }
    isDefined[Int(id)] = true
    extras.append(.init(id: id, bytes: bytes))
  }
}
