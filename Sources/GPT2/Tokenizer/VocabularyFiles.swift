#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension BPETokenizer {
  /// The tokenizer of a checkpoint directory: the contents of its `vocab.json` and `merges.txt`.
  ///
  /// The ids are those of `vocab.json`. Entries that no merge makes, `<|endoftext|>` above all, are decoded
  /// but never encoded to. Throws `corruptFile` naming the file and the line or token.
  package convenience init(vocabularyJSON: [UInt8], merges: [UInt8]) throws(GPT2Error) {
    let ids: [String: Int]
    do {
      ids = try JSONDecoder().decode([String: Int].self, from: Data(vocabularyJSON))
    } catch {
      throw GPT2Error(.corruptFile, "vocab.json is no JSON object of tokens and whole numbers")
    }
    var builder = try VocabularyBuilder(ids, file: "vocab.json")
    var lineNumber = 0
    for line in merges.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      lineNumber += 1
      let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      if line.isEmpty || lineNumber == 1 && line.starts(with: "#version".utf8) { continue }
      try builder.addMerge(String(decoding: line, as: UTF8.self), place: "merges.txt, line \(lineNumber)")
    }
    self.init(try builder.vocabulary())
  }

  /// The tokenizer of a checkpoint directory that has a `tokenizer.json` instead, Hugging Face's one-file
  /// form.
  ///
  /// Throws `unsupportedFormat` if the file describes anything but GPT-2's way of cutting and merging text.
  package convenience init(tokenizerJSON: [UInt8]) throws(GPT2Error) {
    let file: TokenizerFile
    do {
      file = try JSONDecoder().decode(TokenizerFile.self, from: Data(tokenizerJSON))
    } catch {
      throw GPT2Error(
        .unsupportedFormat, "tokenizer.json is damaged or its model is no byte-pair encoding")
    }
    if let difference = file.difference {
      throw GPT2Error(
        .unsupportedFormat, "tokenizer.json: \(difference); only GPT-2's byte-level encoding is supported")
    }
    var builder = try VocabularyBuilder(file.model.vocab, file: "tokenizer.json")
    for token in file.addedTokens ?? [] { try builder.addToken(token.content, id: token.id) }
    for (index, merge) in file.model.merges.enumerated() {
      try builder.addMerge(merge.text, place: "tokenizer.json, merge \(index + 1)")
    }
    self.init(try builder.vocabulary())
  }
}

/// The parts of `tokenizer.json` that matter.
private struct TokenizerFile: Decodable {
  struct Model: Decodable {
    var type: String?
    var vocab: [String: Int]
    var merges: [Merge]
    var ignoreMerges: Bool?
    var byteFallback: Bool?

    enum CodingKeys: String, CodingKey {
      case type, vocab, merges
      case ignoreMerges = "ignore_merges"
      case byteFallback = "byte_fallback"
    }
  }

  struct Step: Decodable {
    var type: String
    var addsPrefixSpace: Bool?
    var usesPattern: Bool?

    enum CodingKeys: String, CodingKey {
      case type
      case addsPrefixSpace = "add_prefix_space"
      case usesPattern = "use_regex"
    }
  }

  struct AddedToken: Decodable {
    var id: Int
    var content: String
  }

  /// `"a b"` or, since 2024, `["a", "b"]`.
  struct Merge: Decodable {
    var text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self.text = text
      } else {
        text = try container.decode([String].self).joined(separator: " ")
      }
    }
  }

  var model: Model
  var normalizer: Step?
  var preTokenizer: Step?
  var addedTokens: [AddedToken]?

  enum CodingKeys: String, CodingKey {
    case model, normalizer
    case preTokenizer = "pre_tokenizer"
    case addedTokens = "added_tokens"
  }

  /// What is not as in GPT-2.
  var difference: String? {
    if let type = model.type, type != "BPE" { return "the model is \(type)" }
    if model.byteFallback == true { return "byte_fallback is set" }
    if model.ignoreMerges == true { return "ignore_merges is set" }
    if let normalizer { return "the normalizer is \(normalizer.type)" }
    guard let step = preTokenizer, step.type == "ByteLevel" else {
      return "the pre_tokenizer is \(preTokenizer?.type ?? "none")"
    }
    if step.addsPrefixSpace == true { return "add_prefix_space is set" }
    if step.usesPattern == false { return "use_regex is off" }
    return nil
  }
}
