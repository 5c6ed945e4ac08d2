/// The zip format of `torch.save`, PyTorch 1.6 and later: one folder with `data.pkl` and a file per storage.
enum TorchArchive {
  static func open(_ file: MappedFile) throws(GPT2Error) -> TorchFile {
    let zip = try ZipArchive(file.bytes)
    let folder = try topFolder(zip)
    if let packed = zip.entries.first(where: \.isCompressed) {
      throw GPT2Error(
        .unsupportedFormat,
        "zip entry \(packed.name) is compressed, which torch.save never does: the file was repacked. "
          + "Save it again with torch.save")
    }
    if let order = zip[folder + "byteorder"] {
      let text = String(decoding: file.bytes[order.data], as: UTF8.self)
      guard text == "little" else {
        throw GPT2Error(
          .unsupportedFormat,
          "it was saved with \(text.prefix(16))-endian numbers; only little-endian is read")
      }
    }
    guard let pickle = zip[folder + "data.pkl"] else {
      throw GPT2Error(.corruptFile, "the zip file has no \(folder)data.pkl")
    }
    guard pickle.data.count <= PickleMachine.Limit.bytes else {
      throw GPT2Error(.corruptFile, "data.pkl has \(pickle.data.count) bytes; at most 64 MiB are read")
    }
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[pickle.data])
    guard pickle.checksum == 0 || pickle.checksum == ZipArchive.checksum(bytes) else {
      throw GPT2Error(.corruptFile, "data.pkl does not match its checksum: the file is damaged")
    }
    var machine = PickleMachine(bytes, part: pickle.name)
    let root = try machine.run()
    try TorchFile.refuseDangerousCall(machine.heap)
    var storages: [String: Range<Int>] = [:]
    let prefix = folder + "data/"
    for entry in zip.entries where entry.name.hasPrefix(prefix) {
      storages[String(entry.name.dropFirst(prefix.count))] = entry.data
    }
    return TorchFile(file: file, heap: machine.heap, root: root, storages: storages)
  }

  /// The folder of the one `data.pkl`, with a slash; it keeps the file's name at the time of saving.
  private static func topFolder(_ zip: ZipArchive) throws(GPT2Error) -> String {
    let folders = zip.entries.map(\.name).filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
      .map { String($0.dropLast("data.pkl".count)) }
    let names = zip.entries.map(\.name)
    guard let folder = folders.first else {
      if names.contains(where: { $0.hasSuffix(".npy") }) {
        throw GPT2Error(.unsupportedFormat, "it is a NumPy archive (.npz). \(FileKind.allowed)")
      }
      throw GPT2Error(
        .unsupportedFormat,
        "it is a zip file without a data.pkl (it holds \(names.prefix(3).joined(separator: ", "))). "
          + FileKind.allowed)
    }
    let isScript = names.contains { $0.hasPrefix(folder + "code/") || $0 == folder + "constants.pkl" }
    guard !isScript else {
      throw GPT2Error(
        .unsupportedFormat,
        "it is a TorchScript program (torch.jit.save), not a checkpoint. Save the model's state_dict() with "
          + "torch.save")
    }
    guard folders.count == 1 else {
      throw GPT2Error(.corruptFile, "the zip file has \(folders.count) files named data.pkl; one is allowed")
    }
    return folder
  }
}
