/// What `torch.save` wrote: the object that its pickle describes, and where each storage's bytes are.
struct TorchFile {
  let file: MappedFile
  let heap: PickleHeap
  let root: PickleValue
  /// By storage key, the bytes in the file.
  let storages: [String: Range<Int>]

  /// The tensor under this name, checked against its storage.
  func tensor(_ index: Int, name: FileTensor.Name) throws(GPT2Error) -> FileTensor {
    let tensor = heap.tensors[index]
    guard let type = tensor.type else {
      return FileTensor(
        name: name, file: file, dtype: "torch.\(tensor.typeName)", shape: tensor.shape,
        refusal: "elements of the type \(tensor.typeName) are not supported (a quantized model? "
          + "Save the model before its quantization)")
    }
    let storage = tensor.storage
    guard let bytes = storages[storage.key] else {
      throw GPT2Error(.corruptFile, "tensor \(name.path): its storage \(storage.key) is not in the file")
    }
    let unit = ElementType(storageClass: storage.className)?.size ?? 1
    guard storage.count <= bytes.count / unit else {
      throw GPT2Error(
        .corruptFile,
        "tensor \(name.path): its storage \(storage.key) should have \(storage.count) elements of \(unit) "
          + "bytes, but has \(bytes.count) bytes")
    }
    let start = bytes.lowerBound + storage.view.lowerBound * unit
    return try FileTensor(
      name: name, file: file, type: type, shape: tensor.shape, strides: tensor.strides, offset: tensor.offset,
      storage: start..<start + storage.view.count * unit)
  }

  /// A file that asks Python to run a program is refused as a whole, although nothing here would run it.
  static func refuseDangerousCall(_ heap: PickleHeap) throws(GPT2Error) {
    guard let call = heap.dangerousCall else { return }
    throw GPT2Error(
      .unsupportedFormat,
      "its pickle asks Python to call \(call.path), as malicious files do. Nothing was executed; "
        + "the file is refused")
  }
}
