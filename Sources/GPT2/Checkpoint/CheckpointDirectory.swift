import FoundationEssentials
import Glibc

/// A directory as Hugging Face's `save_pretrained` writes it: the weights, `config.json`, the tokenizer's
/// files.
struct CheckpointDirectory {
  let path: String

  /// The names under which a file belongs to the files beside it.
  static let weightNames = ["model.safetensors", "pytorch_model.bin"]
  private static let indexNames = ["model.safetensors.index.json", "pytorch_model.bin.index.json"]

  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The directory to which a file of one of `weightNames` belongs; nil for any other file.
  static func around(file: String) -> CheckpointDirectory? {
    let parts = file.split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last, weightNames.contains(String(name)) else { return nil }
    let parent = parts.dropLast().joined(separator: "/")
    return CheckpointDirectory(path: parts.count == 1 ? "." : parent.isEmpty ? "/" : parent)
  }

  func open() throws(GPT2Error) -> CheckpointFile {
    for name in Self.weightNames where exists(name) { return try CheckpointFile(file: place(of: name)) }
    for name in Self.indexNames where exists(name) { return try openParts(index: name) }
    let others = try names().filter { name in
      [".safetensors", ".pth", ".pt", ".bin", ".ckpt"].contains { name.hasSuffix($0) }
    }
    guard let only = others.first, others.count == 1 else {
      let found = others.isEmpty ? "nothing of the kind" : others.prefix(5).joined(separator: ", ")
      throw GPT2Error(
        .fileUnreadable,
        "\(path): the directory should hold model.safetensors, pytorch_model.bin or one other checkpoint; "
          + "it holds \(found). Name the file itself")
    }
    return try CheckpointFile(file: place(of: only))
  }

  /// The settings of `config.json`, or nil where there is none.
  func configuration() throws(GPT2Error) -> ModelSettings? {
    guard exists("config.json") else { return nil }
    let values: [String: SettingValue] = try decode("config.json")
    return ModelSettings(source: "config.json", values: values)
  }

  /// `vocab.json` and `merges.txt`, where both are there.
  func tokenizerFiles() -> (vocabulary: String, merges: String)? {
    guard exists("vocab.json"), exists("merges.txt") else { return nil }
    return (place(of: "vocab.json"), place(of: "merges.txt"))
  }

  private struct Index: Decodable {
    var weightMap: [String: String]

    enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
  }

  private func openParts(index: String) throws(GPT2Error) -> CheckpointFile {
    let map: Index = try decode(index)
    let files = Set(map.weightMap.values).sorted()
    guard files.count <= 1024 else { throw GPT2Error(.corruptFile, "\(place(of: index)): too many files") }
    var parts: [CheckpointFile] = []
    for file in files {
      guard !file.contains("/"), !file.hasPrefix(".") else {
        throw GPT2Error(.corruptFile, "\(place(of: index)) names a file outside the directory: \(file)")
      }
      parts.append(try CheckpointFile(file: place(of: file)))
    }
    let whole = try CheckpointFile(parts: parts)
    let names = Set(whole.tensors.map(\.name))
    guard let missing = map.weightMap.keys.sorted().first(where: { !names.contains($0) }) else {
      return whole
    }
    throw GPT2Error(.corruptFile, "\(place(of: index)) names the tensor \(missing), which is in no part")
  }

  private func decode<Value: Decodable>(_ name: String) throws(GPT2Error) -> Value {
    let file = try MappedFile(path: place(of: name))
    guard file.count <= 64 << 20 else { throw GPT2Error(.corruptFile, "\(file.path) is over 64 MiB") }
    do {
      return try file.withBytes { try JSONDecoder().decode(Value.self, from: Data($0)) }
    } catch {
      throw GPT2Error(.corruptFile, "\(file.path) is not the JSON that was expected")
    }
  }

  private func names() throws(GPT2Error) -> [String] {
    guard let directory = opendir(path) else {
      throw GPT2Error(.fileUnreadable, "\(path): the directory can't be read")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.sorted()
  }

  private func exists(_ name: String) -> Bool { access(place(of: name), F_OK) == 0 }

  private func place(of name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }
}
