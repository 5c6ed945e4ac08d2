/// The format of `torch.save` before PyTorch 1.6: five pickles end to end, then the storages.
enum TorchLegacy {
  /// The pickle of the magic number with which each such file begins.
  static let magic: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  static func open(_ file: MappedFile) throws(GPT2Error) -> TorchFile {
    var position = magic.count
    let (_, version) = try next(file, "protocol version", &position)
    guard case .int(1001) = version else {
      throw GPT2Error(.unsupportedFormat, "a torch.save file of an unknown protocol; 1001 is read")
    }
    let (systemHeap, system) = try next(file, "system information", &position)
    for entry in systemHeap.attributes(system) ?? [] where entry.key == "little_endian" {
      guard case .bool(true) = entry.value else {
        throw GPT2Error(
          .unsupportedFormat, "it was saved on a big-endian machine; only little-endian is read")
      }
    }
    let (heap, root) = try next(file, "object", &position)
    try TorchFile.refuseDangerousCall(heap)
    let (keyHeap, keys) = try next(file, "storage keys", &position)
    guard let list = keyHeap.object(keys, .list)?.items else {
      throw GPT2Error(.corruptFile, "the list of storage keys is missing")
    }
    return TorchFile(
      file: file, heap: heap, root: root, storages: try locate(list, heap: heap, file: file, from: position))
  }

  private static func next(
    _ file: MappedFile, _ part: String, _ position: inout Int
  ) throws(GPT2Error) -> (PickleHeap, PickleValue) {
    var machine = PickleMachine(file.bytes, part: "pickle of the \(part)", at: position)
    let value = try machine.run()
    position = machine.reader.position
    return (machine.heap, value)
  }

  /// Each storage is its number of elements and then the elements, in the order of the keys.
  private static func locate(
    _ keys: [PickleValue], heap: PickleHeap, file: MappedFile, from position: Int
  ) throws(GPT2Error) -> [String: Range<Int>] {
    var sizes: [String: Int] = [:]
    for storage in heap.storages {
      guard let type = ElementType(storageClass: storage.className) else {
        throw GPT2Error(
          .unsupportedFormat,
          "its storages are of the type \(storage.className), which is not supported (a quantized model? "
            + "Save the model before its quantization)")
      }
      guard sizes.updateValue(type.size, forKey: storage.key) ?? type.size == type.size else {
        throw GPT2Error(.corruptFile, "storage \(storage.key) has two types")
      }
    }
    var reader = BinaryReader(file.bytes, part: "storages", at: position)
    var result: [String: Range<Int>] = [:]
    for key in keys {
      guard case .string(let name) = key, let size = sizes[name], result[name] == nil else {
        throw reader.corrupt("a storage that no tensor uses, or that is there twice")
      }
      let count = try reader.length64()
      guard count <= reader.remaining / size else {
        throw reader.corrupt(
          "storage \(name) of \(count) elements goes past the end of the file (truncated?)")
      }
      result[name] = reader.position..<reader.position + count * size
      try reader.skip(count * size)
    }
    return result
  }
}
