/// Finds every tensor of a `torch.save` file under its dotted path, and what the objects say about the model.
///
/// Dictionaries and lists give their keys and indices as path; a module gives what its `state_dict()` would:
/// parameters, persistent buffers, and those of its submodules.
struct ObjectWalk {
  /// What the modules under one container tell beyond their tensors.
  struct ModuleFacts: Sendable {
    /// The class of the outermost module, as in `__main__.GPTModel`.
    var className: String
    /// `num_heads` or `n_head` of each module that has one.
    var headCounts: Set<Int> = []
    /// The `config` attribute of the outermost module that has one.
    var settings: ModelSettings?
    /// `approximate` of each `torch.nn.GELU`: "none" is the error function.
    var geluKinds: Set<String> = []
  }

  private let torch: TorchFile
  private(set) var tensors: [FileTensor] = []
  /// By the module tree's path; empty for a file that is one module.
  private(set) var modules: [String: ModuleFacts] = [:]
  private var visits = 0

  private enum Limit {
    static let depth = 96
    /// Objects met and entries looked at, in all.
    static let visits = 1 << 20
    static let tensors = 1 << 16
    static let path = 4096
  }

  init(_ torch: TorchFile) throws(GPT2Error) {
    self.torch = torch
    try visit(torch.root, at: FileTensor.Name(path: "", container: "", key: ""), depth: 0)
  }

  private typealias Name = FileTensor.Name

  /// A pickle may hold itself, or the same list a billion times over: depth and number of visits are bounded.
  private mutating func visit(_ value: PickleValue, at name: Name, depth: Int) throws(GPT2Error) {
    visits += 1
    guard depth <= Limit.depth, visits <= Limit.visits, name.path.utf8.count <= Limit.path else {
      throw GPT2Error(.corruptFile, "the objects at \(name.path.prefix(200)) are nested without end")
    }
    switch value {
    case .tensor(let index): try add(try torch.tensor(index, name: Self.named(name)))
    case .object(let index):
      let object = torch.heap.objects[index]
      switch object.kind {
      case .dictionary:
        visits += object.items.count
        try visitEntries(torch.heap.entries(object.items), below: name, depth: depth)
      case .list, .tuple:
        for (index, item) in object.items.enumerated() {
          try visit(item, at: child(String(index), of: name), depth: depth + 1)
        }
      case .record: try visitRecord(object, at: name, depth: depth)
      case .set: break
      }
    default: break
    }
  }

  /// A file that is one tensor gives it no name.
  private static func named(_ name: Name) -> Name {
    name.path.isEmpty ? Name(path: "tensor", container: "", key: "tensor") : name
  }

  private mutating func visitEntries(
    _ entries: [(key: String, value: PickleValue)], below name: Name, depth: Int
  ) throws(GPT2Error) {
    for entry in entries { try visit(entry.value, at: child(entry.key, of: name), depth: depth + 1) }
  }

  private func child(_ key: String, of name: Name) -> Name {
    Name(path: name.path.isEmpty ? key : "\(name.path).\(key)", container: name.path, key: key)
  }

  private mutating func add(_ tensor: FileTensor) throws(GPT2Error) {
    guard tensors.count < Limit.tensors else {
      throw GPT2Error(.corruptFile, "more than \(Limit.tensors) tensors")
    }
    tensors.append(tensor)
  }

  private mutating func visitRecord(_ record: PickleObject, at name: Name, depth: Int) throws(GPT2Error) {
    let heap = torch.heap
    let function = heap.className(record)
    if let function, function.module == "torch._utils", function.name.hasPrefix("_rebuild_") {
      try add(
        FileTensor(
          name: Self.named(name), file: torch.file,
          dtype: "torch.\(function.name.dropFirst("_rebuild_".count))",
          shape: [],
          refusal:
            "it is built by \(function.path) (a quantized, sparse or device tensor), which is not supported"
        ))
      return
    }
    let attributes = heap.attributes(of: record) ?? []
    visits += record.pairs.count + attributes.count
    if attributes.contains(where: { $0.key == "_parameters" }),
      attributes.contains(where: { $0.key == "_modules" })
    {
      modules[name.path] = ModuleFacts(className: function?.path ?? "an unnamed class")
      try visitModule(attributes, at: name, root: name.path, depth: depth)
      return
    }
    for (index, item) in record.items.enumerated() {
      try visit(item, at: child(String(index), of: name), depth: depth + 1)
    }
    try visitEntries(heap.entries(record.pairs), below: name, depth: depth)
    try visitEntries(attributes, below: name, depth: depth)
  }

  private mutating func visitModule(
    _ attributes: [(key: String, value: PickleValue)], at name: Name, root: String, depth: Int
  ) throws(GPT2Error) {
    visits += 1
    guard depth <= Limit.depth, visits <= Limit.visits, name.path.utf8.count <= Limit.path else {
      throw GPT2Error(.corruptFile, "the modules at \(name.path.prefix(200)) are nested without end")
    }
    let heap = torch.heap
    var parts: [String: PickleValue] = [:]
    for attribute in attributes { parts[attribute.key] = attribute.value }
    note(parts, root: root)
    let transient = Set(
      (parts["_non_persistent_buffers_set"].flatMap { heap.object($0, .set) }?.items ?? []).compactMap {
        if case .string(let text) = $0 { text } else { nil }
      })
    for group in ["_parameters", "_buffers"] {
      for entry in parts[group].flatMap({ heap.attributes($0) }) ?? [] {
        if group == "_buffers", transient.contains(entry.key) { continue }
        try visit(entry.value, at: moduleChild(entry.key, of: name, root: root), depth: depth + 1)
      }
    }
    for entry in parts["_modules"].flatMap({ heap.attributes($0) }) ?? [] {
      guard case .object(let index) = entry.value, let inner = heap.attributes(entry.value) else { continue }
      let place = moduleChild(entry.key, of: name, root: root)
      if let function = heap.className(heap.objects[index]), function.module.contains(".quantized.") {
        try add(
          FileTensor(
            name: moduleChild("\(entry.key)._packed_params", of: name, root: root), file: torch.file,
            dtype: "torch.qint8", shape: [], refusal: "it is in a \(function.path), which is not supported"))
        continue
      }
      noteActivation(heap.objects[index], inner, root: root)
      try visitModule(inner, at: place, root: root, depth: depth + 1)
    }
  }

  /// In a module tree the container stays the outermost module and the key is the whole path below it.
  private func moduleChild(_ key: String, of name: Name, root: String) -> Name {
    let path = name.path.isEmpty ? key : "\(name.path).\(key)"
    return Name(
      path: path, container: root, key: root.isEmpty ? path : String(path.dropFirst(root.count + 1)))
  }

  private mutating func note(_ parts: [String: PickleValue], root: String) {
    for key in ["num_heads", "n_head", "n_heads", "num_attention_heads"] {
      if case .int(let heads) = parts[key] { modules[root]?.headCounts.insert(heads) }
    }
    if modules[root]?.settings == nil, let config = parts["config"],
      case .object(let values) = SettingValue(config, in: torch.heap)
    {
      modules[root]?.settings = ModelSettings(source: "the model object's config", values: values)
    }
  }

  private mutating func noteActivation(
    _ record: PickleObject, _ attributes: [(key: String, value: PickleValue)], root: String
  ) {
    guard torch.heap.className(record)?.path == "torch.nn.modules.activation.GELU" else { return }
    let kind = attributes.first { $0.key == "approximate" }
    if case .string(let text) = kind?.value {
      modules[root]?.geluKinds.insert(text)
    } else {
      modules[root]?.geluKinds.insert("none")
    }
  }

  /// The dictionaries beside the weights that may hold the model's shape, best first.
  func rootSettings() -> [ModelSettings] {
    guard let entries = torch.heap.attributes(torch.root) else { return [] }
    var result: [ModelSettings] = []
    for name in ["model_args", "model_config", "hyper_parameters", "hparams", "config", "cfg", "args"] {
      guard let entry = entries.first(where: { $0.key == name }),
        case .object(var values) = SettingValue(entry.value, in: torch.heap)
      else { continue }
      for nested in ["config", "model_config", "cfg", "model_args"] {
        if case .object(let inner) = values[nested] { values.merge(inner) { outer, _ in outer } }
      }
      result.append(ModelSettings(source: name, values: values))
    }
    return result
  }
}
