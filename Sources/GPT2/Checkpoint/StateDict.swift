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
          "there is no state dict \"\(wanted)\"; found are \(quoted(groups.keys.sorted()))")
      }
      guard let chosen = candidate(group, container: wanted) else { throw refusal(of: file) }
      return chosen
    }
    let found = groups.keys.sorted().filter { !isOptimizer($0) }
      .compactMap { container in candidate(groups[container] ?? [], container: container) }
    guard let only = found.first else { throw refusal(of: file) }
    guard found.count == 1 else {
      throw GPT2Error(
        .notGPT2,
        "it holds \(found.count) models, in \(quoted(found.map(\.container))). "
          + "Choose one by its state-dict key"
      )
    }
    return only
  }

  private static func isOptimizer(_ container: String) -> Bool {
    container.split(separator: ".").contains { $0.hasPrefix("optimizer") }
  }

  private static func candidate(
    _ group: [(key: String, tensor: FileTensor)], container: String
  ) -> StateDict? {
    var tensors = group.map { item in
      (key: clean(item.key), tensor: item.tensor)
    }
    while true {
      let keys = Set(tensors.map(\.key))
      if let table = NameTable.all.first(where: { $0.matches(keys) }) {
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

  /// Why no model was found, as exactly as the names tell.
  private static func refusal(of file: CheckpointFile) -> GPT2Error {
    for refused in NameTable.refused where file.tensors.contains(where: { $0.name.contains(refused.part) }) {
      return GPT2Error(.unsupportedFormat, "it is \(refused.reason)")
    }
    guard !file.tensors.isEmpty else { return GPT2Error(.notGPT2, "it holds no tensors") }
    let names = file.tensors.prefix(4).map(\.name).joined(separator: ", ")
    let known = NameTable.all.map { "\($0.family) (\($0.signature.joined(separator: ", ")))" }
    return GPT2Error(
      .notGPT2,
      "its \(file.tensors.count) tensors (\(names), …) are no GPT-2 model. Known are the names of "
        + "\(known.joined(separator: "; "))")
  }
}

func quoted(_ names: [String]) -> String {
  names.map { $0.isEmpty ? "the top level" : "\"\($0)\"" }.joined(separator: ", ")
}
