import Foundation
import GPT2

/// The files that `Tools/make_tokenizer_vectors.py` made.
enum TokenizerFixtures {
  struct Vector: Sendable {
    var text: String
    var ids: [Int32]
  }

  struct Replacement: Sendable {
    var bytes: [UInt8]
    var text: String
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try [UInt8](Data(contentsOf: folder.appendingPathComponent("Fixtures/Tokenizer/\(name)")))
  }

  static func vectors(_ name: String) throws -> [Vector] {
    var reader = Reader(data: try bytes(name))
    var vectors: [Vector] = []
    while !reader.isAtEnd {
      let text = String(decoding: reader.bytes(), as: UTF8.self)
      vectors.append(Vector(text: text, ids: (0..<reader.number()).map { _ in Int32(reader.number()) }))
    }
    return vectors
  }

  static func replacements() throws -> [Replacement] {
    var reader = Reader(data: try bytes("replaced-utf8.bin"))
    var replacements: [Replacement] = []
    while !reader.isAtEnd {
      let bytes = reader.bytes()
      replacements.append(Replacement(bytes: bytes, text: String(decoding: reader.bytes(), as: UTF8.self)))
    }
    return replacements
  }

  /// A vocabulary of 640 tokens with other ids than GPT-2's.
  static func small() throws -> BPETokenizer {
    try BPETokenizer(
      vocabularyJSON: try bytes("small/vocab.json"), merges: try bytes("small/merges.txt"))
  }

  private struct Reader {
    let data: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == data.count }

    mutating func number() -> Int {
      position += 2
      return Int(data[position - 2]) | Int(data[position - 1]) << 8
    }

    mutating func bytes() -> [UInt8] {
      let count = number()
      position += count
      return Array(data[position - count..<position])
    }
  }
}

/// SplitMix64: the same numbers in every run.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// Byte-pair encoding as tiktoken's documentation teaches it: on byte strings, by rank, quadratic.
struct SlowMerger {
  private var ranks: [[UInt8]: Int32] = [:]

  init() {
    for id in 0..<Int32(50256) { ranks[BPETokenizer.gpt2.bytes(of: id) ?? []] = id }
  }

  /// The tokens after merging until this many are left.
  func merge(_ piece: [UInt8], downTo count: Int = 1) -> [[UInt8]] {
    var parts = piece.map { [$0] }
    while parts.count > count {
      let pairs = parts.indices.dropLast().compactMap { index in
        ranks[parts[index] + parts[index + 1]].map { (rank: $0, index: index) }
      }
      guard let best = pairs.min(by: { ($0.rank, $0.index) < ($1.rank, $1.index) }) else { break }
      parts[best.index...best.index + 1] = [parts[best.index] + parts[best.index + 1]]
    }
    return parts
  }

  func ids(_ piece: [UInt8]) -> [Int32?] { merge(piece).map { ranks[$0] } }
}
