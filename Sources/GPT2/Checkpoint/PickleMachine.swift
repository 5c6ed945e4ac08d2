/// Reads a Python pickle as a description and executes nothing: a class or function is only a name, a call
/// only a record of that name and its arguments. The few calls that build tensors are understood, not
/// made.
///
/// The machine is a loop over opcodes with a stack of values; whatever nests lies in `heap`. The limits bound
/// time and memory for a file that wants too much of either.
struct PickleMachine {
  /// Generous for real checkpoints: the 580 tensors of GPT-2 XL with its optimizer take about 10⁵ opcodes.
  enum Limit {
    static let bytes = 64 << 20
    static let opcodes = 4 << 20
    static let objects = 1 << 20
    static let memo = 1 << 20
    static let stack = 1 << 20
    static let string = 16 << 20
    static let dimensions = 64
    static let tensors = 1 << 18
    /// Values that calls such as `set(list)` copy, in all.
    static let copied = 1 << 22
  }

  private(set) var heap = PickleHeap()
  private(set) var reader: BinaryReader
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var copied = 0

  /// `part` names the pickle in messages; reading starts at `position` and ends behind STOP.
  init(_ bytes: UnsafeRawBufferPointer, part: String, at position: Int = 0) {
    reader = BinaryReader(bytes, part: part, at: position)
  }

  /// The value that the pickle describes.
  mutating func run() throws(GPT2Error) -> PickleValue {
    let start = reader.position
    for _ in 0..<Limit.opcodes {
      let at = reader.position
      guard at - start <= Limit.bytes else {
        throw reader.corrupt("a pickle of more than \(Limit.bytes) bytes")
      }
      let opcode = try reader.integer(UInt8.self)
      if opcode == 0x2E {
        let result = try pop()
        guard marks.isEmpty, stack.isEmpty else {
          throw reader.corrupt("values are left on the stack", at: at)
        }
        return result
      }
      try execute(opcode, at: at)
      guard stack.count <= Limit.stack else {
        throw reader.corrupt("the stack outgrows \(Limit.stack) values")
      }
    }
    throw reader.corrupt("a pickle of more than \(Limit.opcodes) opcodes")
  }

  private mutating func execute(_ opcode: UInt8, at: Int) throws(GPT2Error) {
    switch opcode {
    case 0x80:  // PROTO
      let version = try reader.integer(UInt8.self)
      guard (2...5).contains(version) else { throw reader.corrupt("pickle protocol \(version)", at: at) }
    case 0x95: try reader.skip(8)  // FRAME
    case 0x28: marks.append(stack.count)  // MARK
    case 0x30: _ = try pop()  // POP
    case 0x4E: stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case 0x4A: stack.append(.int(Int(try reader.integer(Int32.self))))
    case 0x4B: stack.append(.int(Int(try reader.integer(UInt8.self))))
    case 0x4D: stack.append(.int(Int(try reader.integer(UInt16.self))))
    case 0x8A: stack.append(try longInteger())
    case 0x47:  // BINFLOAT, the one big-endian number
      stack.append(.float(Double(bitPattern: try reader.integer(UInt64.self).byteSwapped)))
    case 0x58, 0x54: try pushString(Int(try reader.integer(UInt32.self)))  // BINUNICODE, BINSTRING
    case 0x8C, 0x55: try pushString(Int(try reader.integer(UInt8.self)))  // SHORT_BINUNICODE, SHORT_BINSTRING
    case 0x42: try pushBytes(Int(try reader.integer(UInt32.self)))
    case 0x43: try pushBytes(Int(try reader.integer(UInt8.self)))
    case 0x8E, 0x96: try pushBytes(try reader.length64())
    case 0x71: try memoize(at: Int(try reader.integer(UInt8.self)))
    case 0x72: try memoize(at: Int(try reader.integer(UInt32.self)))
    case 0x94: try memoize(at: memo.count)
    case 0x68: stack.append(try recall(Int(try reader.integer(UInt8.self))))
    case 0x6A: stack.append(try recall(Int(try reader.integer(UInt32.self))))
    case 0x63:  // GLOBAL
      let module = try reader.line(limit: 1024)
      try push(PickleGlobal(module: module, name: try reader.line(limit: 1024)))
    case 0x93:  // STACK_GLOBAL
      let name = try popString(at: at)
      try push(PickleGlobal(module: try popString(at: at), name: name))
    case 0x29: try push(PickleObject(kind: .tuple))
    case 0x5D: try push(PickleObject(kind: .list))
    case 0x7D: try push(PickleObject(kind: .dictionary))
    case 0x8F: try push(PickleObject(kind: .set))
    case 0x74: try push(PickleObject(kind: .tuple, items: try popToMark(at: at)))
    case 0x91: try push(PickleObject(kind: .set, items: try popToMark(at: at)))  // FROZENSET
    case 0x85, 0x86, 0x87: try pushTuple(Int(opcode) - 0x84)
    case 0x61: try append([try pop()], at: at)
    case 0x65, 0x90: try append(try popToMark(at: at), at: at)  // APPENDS, ADDITEMS
    case 0x73:  // SETITEM
      let value = try pop()
      try setItems([try pop(), value], at: at)
    case 0x75: try setItems(try popToMark(at: at), at: at)
    case 0x62: try build()
    case 0x52, 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      stack.append(try call(try pop(), arguments, at: at))
    case 0x51: stack.append(try persistent(try pop(), at: at))
    default:
      let code = String(opcode, radix: 16, uppercase: true)
      throw reader.corrupt("opcode 0x\(code), which no torch.save file holds", at: at)
    }
  }

  // MARK: Stack, memo, heap

  private mutating func pop() throws(GPT2Error) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw reader.corrupt("the pickle takes a value that was never put")
    }
    return value
  }

  private mutating func popToMark(at: Int) throws(GPT2Error) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw reader.corrupt("no mark was set", at: at) }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func popString(at: Int) throws(GPT2Error) -> String {
    guard case .string(let text) = try pop() else { throw reader.corrupt("a name is no text", at: at) }
    return text
  }

  private mutating func memoize(at index: Int) throws(GPT2Error) {
    guard stack.count > marks.last ?? 0, let top = stack.last else {
      throw reader.corrupt("nothing is there to remember")
    }
    guard memo.count < Limit.memo else { throw reader.corrupt("more than \(Limit.memo) memo entries") }
    memo[index] = top
  }

  private func recall(_ index: Int) throws(GPT2Error) -> PickleValue {
    guard let value = memo[index] else { throw reader.corrupt("memo \(index) was never set") }
    return value
  }

  private mutating func pushString(_ length: Int) throws(GPT2Error) {
    guard length <= Limit.string else { throw reader.corrupt("a text of \(length) bytes") }
    stack.append(.string(try reader.string(length)))
  }

  private mutating func pushBytes(_ length: Int) throws(GPT2Error) {
    try reader.skip(length)
    stack.append(.bytes)
  }

  /// Two's complement, least significant byte first.
  private mutating func longInteger() throws(GPT2Error) -> PickleValue {
    let bytes = try reader.take(Int(try reader.integer(UInt8.self)))
    guard bytes.count <= 8 else { return .hugeInteger }
    guard let last = bytes.last else { return .int(0) }
    let negative = last & 0x80 != 0
    var value: UInt64 = negative ? ~0 : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .int(Int(Int64(bitPattern: value)))
  }

  private mutating func push(_ global: PickleGlobal) throws(GPT2Error) {
    guard heap.globals.count < Limit.objects else { throw reader.corrupt("more than \(Limit.objects) names") }
    stack.append(.global(heap.globals.count))
    heap.globals.append(global)
  }

  private mutating func push(_ object: PickleObject) throws(GPT2Error) {
    stack.append(try store(object))
  }

  private mutating func pushTuple(_ count: Int) throws(GPT2Error) {
    var items: [PickleValue] = []
    for _ in 0..<count { items.append(try pop()) }
    try push(PickleObject(kind: .tuple, items: items.reversed()))
  }

  private mutating func store(_ object: PickleObject) throws(GPT2Error) -> PickleValue {
    guard heap.objects.count < Limit.objects else {
      throw reader.corrupt("more than \(Limit.objects) objects")
    }
    heap.objects.append(object)
    return .object(heap.objects.count - 1)
  }

  /// The container below the values of APPEND, SETITEM and BUILD, which stays on the stack.
  private func target(at: Int) throws(GPT2Error) -> Int {
    guard stack.count > marks.last ?? 0, case .object(let index) = stack.last,
      heap.objects[index].kind != .tuple
    else { throw reader.corrupt("no container is there to fill", at: at) }
    return index
  }

  private mutating func append(_ values: [PickleValue], at: Int) throws(GPT2Error) {
    let index = try target(at: at)
    guard heap.objects[index].kind != .dictionary else {
      throw reader.corrupt("a dictionary is filled like a list", at: at)
    }
    heap.objects[index].items += values
  }

  private mutating func setItems(_ pairs: [PickleValue], at: Int) throws(GPT2Error) {
    let index = try target(at: at)
    guard pairs.count.isMultiple(of: 2) else { throw reader.corrupt("a key has no value", at: at) }
    switch heap.objects[index].kind {
    case .dictionary: heap.objects[index].items += pairs
    case .record: heap.objects[index].pairs += pairs
    default: throw reader.corrupt("a list is filled like a dictionary", at: at)
    }
  }

  /// An ordered dictionary's attributes (`_metadata`) are kept aside, never mixed with its entries.
  private mutating func build() throws(GPT2Error) {
    let state = try pop()
    guard stack.count > marks.last ?? 0, let last = stack.last else {
      throw reader.corrupt("no object is there to build")
    }
    if case .object(let index) = last { heap.objects[index].state = state }
  }

  // MARK: Calls

  private mutating func call(
    _ callee: PickleValue, _ arguments: PickleValue, at: Int
  ) throws(GPT2Error) -> PickleValue {
    guard let items = heap.object(arguments, .tuple)?.items else {
      throw reader.corrupt("a call without a tuple of arguments", at: at)
    }
    if let function = heap.global(callee) {
      if function.isDangerous, heap.dangerousCall == nil { heap.dangerousCall = function }
      switch (function.module, function.name) {
      case ("collections", "OrderedDict"): return try orderedDictionary(items)
      case ("builtins", "set"), ("__builtin__", "set"), ("builtins", "frozenset"),
        ("__builtin__", "frozenset"):
        if let first = items.first, let list = heap.object(first, .list) {
          try charge(list.items.count)
          return try store(PickleObject(kind: .set, items: list.items))
        }
        if items.isEmpty { return try store(PickleObject(kind: .set)) }
      default:
        if let value = try heap.rebuild(function, items, reader: reader) { return value }
      }
    }
    return try store(PickleObject(kind: .record, callee: callee, arguments: arguments))
  }

  /// A short pickle could copy one long list again and again.
  private mutating func charge(_ count: Int) throws(GPT2Error) {
    copied += count
    guard copied <= Limit.copied else { throw reader.corrupt("the pickle copies too many values") }
  }

  /// Empty, or from Python 2 a list of pairs.
  private mutating func orderedDictionary(_ arguments: [PickleValue]) throws(GPT2Error) -> PickleValue {
    var items: [PickleValue] = []
    if let first = arguments.first, let pairs = heap.object(first, .list)?.items {
      try charge(pairs.count)
      for pair in pairs {
        guard let both = heap.object(pair, .list) ?? heap.object(pair, .tuple), both.items.count == 2 else {
          throw reader.corrupt("an OrderedDict is made from something else than pairs")
        }
        items += both.items
      }
    }
    return try store(PickleObject(kind: .dictionary, items: items))
  }

  /// `('storage', class, key, location, count[, view])`, or in a legacy file `('module', class, …)`.
  private mutating func persistent(_ id: PickleValue, at: Int) throws(GPT2Error) -> PickleValue {
    guard let items = heap.object(id, .tuple)?.items, case .string(let tag) = items.first else {
      throw reader.corrupt("a persistent id that torch.save does not write", at: at)
    }
    if tag == "module", items.count >= 2 { return items[1] }
    guard tag == "storage", let storage = heap.storage(items) else {
      throw reader.corrupt("a storage that torch.save does not write", at: at)
    }
    guard heap.storages.count < Limit.objects else {
      throw reader.corrupt("more than \(Limit.objects) storages")
    }
    heap.storages.append(storage)
    return .storage(heap.storages.count - 1)
  }
}
