/// The functions of PyTorch that pickles name to build storages and tensors, read as descriptions.
extension PickleHeap {
  /// From the tuple of a persistent id; nil if it is malformed.
  func storage(_ items: [PickleValue]) -> PickleStorage? {
    guard items.count >= 5, let type = global(items[1]), case .string(let key) = items[2],
      case .int(let count) = items[4], count >= 0
    else { return nil }
    var view = 0..<count
    if items.count >= 6, let part = object(items[5], .tuple)?.items {
      guard part.count == 3, case .int(let offset) = part[1], case .int(let size) = part[2], offset >= 0,
        size >= 0,
        offset <= count, size <= count - offset
      else { return nil }
      view = offset..<offset + size
    }
    return PickleStorage(key: key, className: type.name, count: count, view: view)
  }

  /// The tensor (or other value) that a call of this function gives; nil for a function that builds none.
  mutating func rebuild(
    _ function: PickleGlobal, _ arguments: [PickleValue], reader: BinaryReader
  ) throws(GPT2Error) -> PickleValue? {
    var function = function
    var arguments = arguments
    // `(function, class, arguments, state)`: a call of that function, possibly several times over.
    while function == PickleGlobal(module: "torch._tensor", name: "_rebuild_from_type_v2") {
      guard arguments.count >= 3, let inner = global(arguments[0]), let list = object(arguments[2], .tuple)
      else {
        return nil
      }
      function = inner
      arguments = list.items
    }
    guard function.module == "torch._utils" else { return nil }
    switch function.name {
    case "_rebuild_parameter", "_rebuild_parameter_with_state":
      return arguments.first
    case "_rebuild_tensor":
      return try tensor(arguments, type: nil, reader: reader)
    case "_rebuild_tensor_v2":
      // A seventh argument says that the numbers are conjugated or negated: a record, refused when needed.
      if arguments.count > 6, !isEmptyMetadata(arguments[6]) { return nil }
      return try tensor(arguments, type: nil, reader: reader)
    case "_rebuild_tensor_v3":
      guard arguments.count > 6, let type = global(arguments[6]), type.module == "torch" else { return nil }
      if arguments.count > 7, !isEmptyMetadata(arguments[7]) { return nil }
      return try tensor(arguments, type: type.name, reader: reader)
    default:
      return nil
    }
  }

  private func isEmptyMetadata(_ value: PickleValue) -> Bool {
    if case .none = value { return true }
    return object(value, .dictionary)?.items.isEmpty ?? false
  }

  private mutating func tensor(
    _ arguments: [PickleValue], type: String?, reader: BinaryReader
  ) throws(GPT2Error) -> PickleValue? {
    guard arguments.count >= 4 else { throw reader.corrupt("a tensor with \(arguments.count) arguments") }
    // A tensor on something that is no storage of this file is left as a record.
    guard case .storage(let index) = arguments[0] else { return nil }
    guard case .int(let offset) = arguments[1], let shape = integers(arguments[2]),
      let strides = integers(arguments[3]), offset >= 0, shape.count == strides.count
    else { throw reader.corrupt("a tensor whose offset, shape or strides are no numbers") }
    guard tensors.count < PickleMachine.Limit.tensors, shape.count <= PickleMachine.Limit.dimensions else {
      throw reader.corrupt("too many tensors, or a tensor of too many dimensions")
    }
    let storage = storages[index]
    let name = type ?? storage.className
    let elements = type.map { ElementType(rawValue: $0) } ?? ElementType(storageClass: storage.className)
    tensors.append(
      PickleTensor(
        storage: storage, type: elements, typeName: name, offset: offset, shape: shape, strides: strides))
    return .tensor(tensors.count - 1)
  }

  /// A tuple or list (or `torch.Size` of one) of non-negative numbers.
  private func integers(_ value: PickleValue) -> [Int]? {
    var value = value
    if let record = object(value, .record), global(record.callee)?.path == "torch.Size",
      let first = object(record.arguments, .tuple)?.items.first
    {
      value = first
    }
    guard let items = (object(value, .tuple) ?? object(value, .list))?.items else { return nil }
    var numbers: [Int] = []
    for item in items {
      guard case .int(let number) = item, number >= 0 else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
