/// Writes what `torch.save` writes for a state dict of f32 tensors: `torch.load(path, weights_only=True)` reads
/// it. Tensors go to the disk one by one; the file appears under its name when it is complete.
package struct TorchWriter: ~Copyable {
  private struct Item {
    var name: String
    var shape: [Int]
    var storage: Int
  }

  private var zip: ZipWriter
  private var items: [Item] = []
  private var storages = 0

  package init(path: String) throws(GPT2Error) {
    var zip = try ZipWriter(path: path)
    try zip.add("archive/version", Array("3\n".utf8))
    try zip.add("archive/byteorder", Array("little".utf8))
    self.zip = zip
  }

  /// Adds a tensor, whose values are row-major and as many as the shape says.
  package mutating func add(_ name: String, shape: [Int], values: [Float]) throws(GPT2Error) {
    guard values.count == shape.reduce(1, *) else {
      throw GPT2Error(.invalidArgument, "\(name) has \(values.count) values; its shape is \(shape)")
    }
    let entry = "archive/data/\(storages)"
    try values.withUnsafeBytes { bytes in
      Result { () throws(GPT2Error) in try zip.add(entry, bytes) }
    }.get()
    items.append(Item(name: name, shape: shape, storage: storages))
    storages += 1
  }

  /// Gives a tensor that was added a second name: both share one storage, as tied weights do.
  package mutating func addAlias(_ name: String, of other: String) throws(GPT2Error) {
    guard var item = items.first(where: { $0.name == other }) else {
      throw GPT2Error(.invalidArgument, "there is no tensor \(other)")
    }
    item.name = name
    items.append(item)
  }

  package mutating func finish() throws(GPT2Error) {
    var pickle = StateDictPickle()
    for item in items { pickle.append(item.name, shape: item.shape, storage: String(item.storage)) }
    try zip.add("archive/data.pkl", pickle.finished())
    try zip.finish()
  }
}

/// The pickle of a state dict: an `OrderedDict` of names and tensors. Protocol 2, without the memo.
private struct StateDictPickle {
  private var out = LittleEndianBytes()

  private enum Opcode {
    static let protocol2: [UInt8] = [0x80, 2]
    static let mark = UInt8(ascii: "(")
    static let tuple = UInt8(ascii: "t")
    static let emptyTuple = UInt8(ascii: ")")
    static let global = UInt8(ascii: "c")
    static let reduce = UInt8(ascii: "R")
    static let unicode = UInt8(ascii: "X")
    static let int32 = UInt8(ascii: "J")
    static let long: [UInt8] = [0x8A, 8]
    static let newFalse: UInt8 = 0x89
    static let persistentID = UInt8(ascii: "Q")
    static let setItems = UInt8(ascii: "u")
    static let stop = UInt8(ascii: ".")
  }

  init() {
    out.append(Opcode.protocol2)
    emptyOrderedDict()
    out.append(Opcode.mark)
  }

  /// A contiguous tensor that is all of a storage.
  mutating func append(_ name: String, shape: [Int], storage: String) {
    text(name)
    global("torch._utils", "_rebuild_tensor_v2")
    out.append(Opcode.mark)
    do {
      out.append(Opcode.mark)
      text("storage")
      global("torch", "FloatStorage")
      text(storage)
      text("cpu")
      integer(shape.reduce(1, *))
      out.append(Opcode.tuple)
      out.append(Opcode.persistentID)
    }
    integer(0)
    tuple(shape)
    tuple(shape.indices.map { shape[($0 + 1)...].reduce(1, *) })
    out.append(Opcode.newFalse)
    // The hooks.
    emptyOrderedDict()
    out.append(Opcode.tuple)
    out.append(Opcode.reduce)
  }

  consuming func finished() -> [UInt8] {
    out.append(Opcode.setItems)
    out.append(Opcode.stop)
    return out.bytes
  }

  private mutating func emptyOrderedDict() {
    global("collections", "OrderedDict")
    out.append(Opcode.emptyTuple)
    out.append(Opcode.reduce)
  }

  private mutating func global(_ module: String, _ name: String) {
    out.append(Opcode.global)
    out.append(Array("\(module)\n\(name)\n".utf8))
  }

  private mutating func text(_ text: String) {
    out.append(Opcode.unicode)
    out.append(UInt32(text.utf8.count))
    out.append(Array(text.utf8))
  }

  private mutating func integer(_ value: Int) {
    if let small = Int32(exactly: value) {
      out.append(Opcode.int32)
      out.append(small)
    } else {
      out.append(Opcode.long)
      out.append(Int64(value))
    }
  }

  private mutating func tuple(_ values: [Int]) {
    out.append(Opcode.mark)
    for value in values { integer(value) }
    out.append(Opcode.tuple)
  }
}
