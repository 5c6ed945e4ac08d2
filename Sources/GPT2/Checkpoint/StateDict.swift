/// The tensors of one model in a checkpoint: the container that holds it found, prefixes taken off.
struct StateDict {
  let table: NameTable
  /// The dotted path of the container in the file; empty for the file itself.
  let container: String
  /// By the names that `table` knows.
  let tensors: [(key: String, tensor: FileTensor)]

  /// Prefixes of wrappers (DataParallel, torch.compile, Lightning, PEFT), and the optional containers.
  private static let prefixes = [
    "module.", "_orig_mod.", "_fsdp_wrapped_module.", "model.", "net.", "gpt.", "base_model.model.",
  ]
  /// Parts of a path that wrappers put in its middle.
  private static let innerParts: Set<Substring> = ["_orig_mod", "_fsdp_wrapped_module"]

  /// The one model of the file; `wanted` chooses a container by its path where there are several.
  static func find(in file: CheckpointFile, wanted: String?) throws(GPT2Error) -> StateDict {
    var groups: [String: [(key: String, tensor: FileTensor)]] = [:]
    for tensor in file.tensors {
      groups[tensor.container, default: []].append((tensor.key, tensor))
    }
    for (absent, present) in file.metadata {
      // safetensors' save_model leaves out the second name of a shared tensor and notes the first.
      guard !file.tensors.contains(where: { $0.name == absent }),
        let tensor = file.tensors.first(where: { $0.name == present })
      else { continue }
      let name = FileTensor.Name(path: absent, container: tensor.container, key: absent)
      groups[tensor.container]?.append((absent, FileTensor(tensor, named: name)))
    }
    if let wanted {
      guard let group = groups[wanted] else {
        throw GPT2Error(
          .invalidArgument,
          "STATE_DICT_KEY (--state-dict-key) is \"\(wanted)\"; the file's state dicts are "
            + quoted(groups.keys.sorted()))
      }
      if let chosen = candidate(group, container: wanted, family: NameTable.complete) { return chosen }
      return try incomplete([(wanted, group)], of: file)
    }
    let choices = groups.filter { !isOptimizer($0.key) }.sorted { $0.key < $1.key }
    let found = choices.compactMap { candidate($0.value, container: $0.key, family: NameTable.complete) }
    guard let only = found.first else {
      return try incomplete(choices.map { ($0.key, $0.value) }, of: file)
    }
    guard found.count == 1 else {
      throw GPT2Error(
        .notGPT2,
        "it holds \(found.count) models, in \(quoted(found.map(\.container))). "
          + "Choose one with STATE_DICT_KEY (--state-dict-key)")
    }
    return only
  }

  private static func isOptimizer(_ container: String) -> Bool {
    container.split(separator: ".").contains { $0.hasPrefix("optimizer") }
  }

  /// `family` tells from the names which one they are of.
  private static func candidate(
    _ group: [(key: String, tensor: FileTensor)], container: String, family: ([String]) -> NameTable?
  ) -> StateDict? {
    var tensors = group.map { item in
      (key: clean(item.key), tensor: item.tensor)
    }
    while true {
      if let table = family(tensors.map(\.key)) {
        tensors = tensors.map { (table.normalized($0.key), $0.tensor) }
        return StateDict(table: table, container: container, tensors: tensors)
      }
      guard let prefix = prefixes.first(where: { prefix in tensors.allSatisfy { $0.key.hasPrefix(prefix) } }),
        !tensors.isEmpty
      else { return nil }
      tensors = tensors.map { (String($0.key.dropFirst(prefix.count)), $0.tensor) }
    }
  }

  private static func clean(_ key: String) -> String {
    let parts = key.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.contains(where: { innerParts.contains($0) }) else { return key }
    return parts.filter { !innerParts.contains($0) }.joined(separator: ".")
  }

  /// The largest model that most names are of, for `TensorMap` to say what it lacks. Without any, throws why
  /// no model was found, as exactly as the names tell.
  private static func incomplete(
    _ groups: [(container: String, tensors: [(key: String, tensor: FileTensor)])], of file: CheckpointFile
  ) throws(GPT2Error) -> StateDict {
    for refused in NameTable.refused where file.tensors.contains(where: { $0.name.contains(refused.part) }) {
      throw GPT2Error(.unsupportedFormat, "it is \(refused.reason)")
    }
    let found = groups.compactMap {
      candidate($0.tensors, container: $0.container, family: NameTable.nearest)
    }
    if let largest = found.max(by: { $0.tensors.count < $1.tensors.count }) { return largest }
    guard !file.tensors.isEmpty else { throw GPT2Error(.notGPT2, "it holds no tensors") }
    let names = file.tensors.prefix(4).map(\.name).joined(separator: ", ")
    let known = NameTable.all.map { "\($0.family) (\($0.signature.joined(separator: ", ")))" }
    throw GPT2Error(
      .notGPT2,
      "its \(file.tensors.count) tensors (\(names), …) are no GPT-2 model. Known are the names of "
        + "\(known.joined(separator: "; "))")
  }

  // MARK: Names for messages

  /// The name that a tensor which is missing would have in the file.
  func name(of meaning: NameTable.Meaning, layer: Int) -> String {
    // Where a family has two names, that whose neighbour is there; and the head's prefix may be shorter.
    let parents = Set(tensors.map { Self.parent(of: NameTable.pattern(of: $0.key).pattern) })
    let patterns = table.names.filter { $0.value == meaning }.keys.sorted()
    let pattern = patterns.first { parents.contains(Self.parent(of: $0)) } ?? patterns.last ?? ""
    let prefixes = tensors.filter { $0.tensor.name.hasSuffix($0.key) }
      .map { $0.tensor.name.dropLast($0.key.count) }
    let prefix = prefixes.max { $0.count < $1.count } ?? ""
    return prefix + pattern.replacing("#", with: "\(layer)")
  }

  private static func parent(of name: String) -> Substring {
    name.prefix(upTo: name.lastIndex(of: ".") ?? name.startIndex)
  }
}

func quoted(_ names: [String]) -> String {
  names.map { $0.isEmpty ? "the top level" : "\"\($0)\"" }.joined(separator: ", ")
}
